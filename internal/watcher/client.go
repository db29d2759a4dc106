package watcher

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// ErrNoAnswer is that of a watcher that is there and did not answer in time: it
// is stopped, or starved.
var ErrNoAnswer = errors.New("the watcher does not answer")

// Ask sends a request to the watcher behind a socket and returns its reply, if it
// comes before the context ends. For a run the connection stays open until the
// returned function is called.
func Ask(ctx context.Context, socket string, req Request) (Reply, func() error, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if errors.Is(err, syscall.EAGAIN) { // more wait to be accepted than may
		err = ErrNoAnswer
	}
	if err != nil {
		return Reply{}, nil, fmt.Errorf("reach the watcher: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	r, err := exchange(conn, req)
	if !stop() { // too late
		return Reply{}, nil, ErrNoAnswer
	}
	if err != nil {
		return Reply{}, nil, errors.Join(err, conn.Close())
	}
	if r.Error != "" {
		return Reply{}, nil, errors.Join(fmt.Errorf("the watcher answers: %s", r.Error), conn.Close())
	}
	return r, conn.Close, nil
}

func exchange(conn net.Conn, req Request) (r Reply, err error) {
	b, err := json.Marshal(req)
	if err != nil {
		return r, err
	}
	if _, err := conn.Write(append(b, '\n')); err != nil {
		return r, fmt.Errorf("ask the watcher: %w", err)
	}
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if err != nil {
		return r, fmt.Errorf("wait for the watcher's answer: %w", err)
	}
	return r, json.Unmarshal(line, &r)
}
