package lexicon

import "strings"

// headers are the names of HTTP headers that carry a secret and do not say so.
// Read only.
var headers = words(`authorization proxy-authorization cookie set-cookie x-honeycomb-team x-honeycomb-dataset-key private-token job-token
	x-api-key x-apikey apikey api-key x-auth x-auth-key x-auth-token x-access-token x-vault-token x-consul-token x-nomad-token
	x-figma-token x-shopify-access-token x-insert-key x-license-key x-query-key x-functions-key x-goog-api-key x-amz-security-token
	x-gitlab-token x-hub-signature x-hub-signature-256 x-plex-token x-emby-token x-mediabrowser-token x-rundeck-auth-token
	x-sumo-token x-splunk-token x-datadog-token dd-api-key dd-application-key x-postmark-server-token x-postmark-account-token
	ocp-apim-subscription-key x-n8n-api-key x-metabase-session x-session-token x-csrf-token x-xsrf-token x-redmine-api-key
	x-signature x-secret x-password x-auth-password x-otp x-sap-password x-jfrog-art-api x-origin-verify x-ts-key x-lc-key x-shared-secret`)

// IsHeader says whether the name is that of an HTTP header whose value is a
// secret.
func IsHeader(name string) bool {
	low := strings.ToLower(name)
	if headers[low] {
		return true
	}
	if strings.IndexByte(low, '-') < 0 {
		return false
	}
	c := Classify(name)
	return c == Strong || c == Weak && strings.HasPrefix(low, "x-")
}
