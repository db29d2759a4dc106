package lexicon

import (
	"bytes"
	"strings"
)

// guardedHosts are those whose addresses let anyone post who knows them.
var guardedHosts = []string{
	"hooks.slack.com/services/", "hooks.slack.com/workflows/", "discord.com/api/webhooks/", "discordapp.com/api/webhooks/",
	"hooks.zapier.com/hooks/", "hc-ping.com/", "outlook.office.com/webhook/", "chat.googleapis.com/v1/spaces/",
	"api.telegram.org/bot", "maker.ifttt.com/trigger/", "oapi.dingtalk.com/robot/send?access_token=",
	"qyapi.weixin.qq.com/cgi-bin/webhook/send?key=", "open.feishu.cn/open-apis/bot/",
	"hooks.slack-gov.com/services/", "events.pagerduty.com/integration/", "uptime.betterstack.com/api/v1/heartbeat/",
}

// GuardedHost returns the length of the host and path that rest, which follows
// the :// of a URL, begins with if they are those of an address that lets anyone
// post who knows it, or 0.
func GuardedHost(rest []byte) int {
	n := 0
	for _, h := range guardedHosts {
		if len(rest) > len(h) && bytes.EqualFold(rest[:len(h)], []byte(h)) {
			n = len(h)
		}
	}
	if i := bytes.Index(rest[:min(len(rest), 80)], []byte(".webhook.office.com/")); n == 0 && i > 0 {
		n = i + len(".webhook.office.com/")
	}
	return n
}

// IsGuardedName says whether the name is that of an address that is itself the
// permission to post to it.
func IsGuardedName(name string) bool {
	n := strings.ToLower(name)
	for _, part := range []string{"webhook", "hook_url", "hookurl", "slack_api_url", "slack_url", "ping_url", "incoming_hook"} {
		if strings.Contains(n, part) {
			return true
		}
	}
	return false
}
