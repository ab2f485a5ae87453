package observe_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/observe"
)

// all is an observer with all functions, which write down that they were called.
func all(name string, said *[]string) *conn.Observer {
	o := &conn.Observer{}
	v := reflect.ValueOf(o).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Func {
			f.Set(reflect.MakeFunc(f.Type(), func([]reflect.Value) []reflect.Value {
				*said = append(*said, fmt.Sprint(name, v.Type().Field(i).Name))
				return nil
			}))
		}
	}
	return o
}

func TestJoinTellsAllOfEverything(t *testing.T) {
	var said []string
	joined := reflect.ValueOf(observe.Join(all("a", &said), nil, &conn.Observer{}, all("b", &said))).Elem()
	functions := 0
	for i := range joined.NumField() {
		f := joined.Field(i)
		name := joined.Type().Field(i).Name
		if f.Kind() != reflect.Func || name == "Clock" { // which tells nobody anything
			continue
		}
		functions++
		require.False(t, f.IsNil(), name)
		var args []reflect.Value
		for j := range f.Type().NumIn() {
			args = append(args, reflect.Zero(f.Type().In(j)))
		}
		if name == "Slow" {
			args[1] = reflect.ValueOf(time.Minute)
		}
		said = nil
		f.Call(args)
		require.Equal(t, []string{"a" + name, "b" + name}, said)
	}
	require.Equal(t, 9, functions)
}

func TestJoinOfFewNeedsNoNewOne(t *testing.T) {
	require.Nil(t, observe.Join())
	require.Nil(t, observe.Join(nil, nil))
	one := &conn.Observer{}
	require.Same(t, one, observe.Join(nil, one))
	empty := observe.Join(one, one)
	require.Equal(t, &conn.Observer{}, empty)
}

func TestJoinLeavesEachItsIdeaOfSlow(t *testing.T) {
	for _, tt := range []struct{ a, b, least time.Duration }{
		{0, 2 * time.Second, time.Second}, {time.Minute, 5 * time.Second, 5 * time.Second}, {-1, 0, -1},
	} {
		var told []string
		slow := func(name string, after time.Duration) *conn.Observer {
			return &conn.Observer{SlowAfter: after, Slow: func(*conn.Conn, time.Duration) { told = append(told, name) }}
		}
		joined := observe.Join(slow("a", tt.a), &conn.Observer{SlowAfter: -1}, slow("b", tt.b))
		require.Equal(t, tt.least, joined.SlowAfter)
		joined.Slow(nil, tt.least)
		require.Len(t, told, 1)
		told = nil
		joined.Slow(nil, time.Hour)
		require.Equal(t, []string{"a", "b"}, told)
	}
}

// The system's clock is there for whoever wants it.
func TestJoinTakesACoarseClockIfThatIsEnoughForAll(t *testing.T) {
	slow := func(clock func() time.Duration) *conn.Observer {
		return &conn.Observer{Slow: func(*conn.Conn, time.Duration) {}, Clock: clock}
	}
	one, two := func() time.Duration { return 1 }, func() time.Duration { return 2 }
	require.Equal(t, time.Duration(1), observe.Join(slow(one), slow(two), &conn.Observer{}).Clock())
	require.Nil(t, observe.Join(slow(one), slow(nil)).Clock)
	require.Nil(t, observe.Join(&conn.Observer{Clock: one}, &conn.Observer{}).Clock, "nobody asks")
}
