package main

import (
	"strings"
	"syscall/js"
)

// page is the document, by the ids of its elements.
type page struct{ document js.Value }

func newPage() page { return page{js.Global().Get("document")} }

func (p page) element(id string) js.Value { return p.document.Call("getElementById", id) }

// onSubmit calls f with the text of a form's field, unless that is empty. f must not wait: the browser does meanwhile.
func (p page) onSubmit(form, field string, f func(text string)) {
	p.element(form).Set("onsubmit", js.FuncOf(func(_ js.Value, args []js.Value) any {
		args[0].Call("preventDefault")
		input := p.element(field)
		if text := strings.TrimSpace(input.Get("value").String()); text != "" {
			input.Set("value", "")
			f(text)
		}
		return nil
	}))
}

// state shows how the connection is.
func (p page) state(text string, open bool) {
	p.element("state").Set("textContent", text)
	p.element("state").Get("classList").Call("toggle", "open", open)
}

// show shows or hides an element.
func (p page) show(id string, visible bool) { p.element(id).Set("hidden", !visible) }

// focus puts the cursor into a field.
func (p page) focus(id string) { p.element(id).Call("focus") }

// people shows who is in the room.
func (p page) people(names []string) {
	p.element("people").Set("textContent", "Here: "+strings.Join(names, ", "))
}

// line adds a message, in place of the one that was pending.
func (p page) line(id, name, text string, pending bool) {
	log := p.element("log")
	if old := p.element("message-" + id); !old.IsNull() {
		old.Call("remove")
	}
	who := p.document.Call("createElement", "b")
	who.Set("textContent", name)
	li := p.document.Call("createElement", "li")
	li.Set("id", "message-"+id)
	li.Get("classList").Call("toggle", "pending", pending)
	li.Call("append", who, text)
	log.Call("append", li)
	log.Set("scrollTop", log.Get("scrollHeight"))
}
