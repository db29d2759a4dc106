package watcher

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
)

// Ask sends a request to the watcher behind a socket and returns its reply. For
// a run the connection stays open until the returned function is called.
func Ask(socket string, req Request) (Reply, func() error, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return Reply{}, nil, fmt.Errorf("reach the watcher: %w", err)
	}
	r, err := exchange(conn, req)
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
