package wsjson_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/wsjson"
)

type question struct{ A, B int }

type answer struct {
	Sum   int
	Error string `json:",omitempty"`
}

// add answers questions, also bad ones.
func add(ctx context.Context, c *websocket.Conn) {
	for {
		q, err := wsjson.Read[question](ctx, c)
		var bad *wsjson.DecodeError
		if errors.As(err, &bad) {
			wsjson.Write(ctx, c, answer{Error: "not a question"})
			continue
		}
		if err != nil {
			return
		}
		wsjson.Write(ctx, c, answer{Sum: q.A + q.B})
	}
}

func ExampleRead() {
	server := httptest.NewServer(websocket.Handler(add, nil))
	defer server.Close()
	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, server.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()

	for _, ask := range []any{question{1, 2}, "what?", question{3, 4}} {
		wsjson.Write(ctx, c, ask)
		a, err := wsjson.Read[answer](ctx, c)
		fmt.Println(a.Sum, a.Error, err)
	}
	// Output:
	// 3  <nil>
	// 0 not a question <nil>
	// 7  <nil>
}
