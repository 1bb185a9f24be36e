// What Vitess's vindexes unicode_loose_md5 and unicode_loose_xxhash know of text, as the table that Whimbrel has of it;
// with `digest`, what they make of texts. ../weights runs it.
package main

import (
	"bufio"
	"crypto/md5"
	"fmt"
	"os"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"vitess.io/vitess/go/mysql/collations/vindex/collate"
	"vitess.io/vitess/go/mysql/collations/vindex/unicode/norm"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	if len(os.Args) == 2 && os.Args[1] == "digest" {
		digest(out)
		return
	}
	w := open()
	fmt.Fprintf(out, header, unicode.Version)
	w.ideographs(out)
	w.singles(out)
	w.contractions(out)
	combining(out)
}

const header = `# What Vitess 0.24.0 knows of characters for the vindexes unicode_loose_md5 and unicode_loose_xxhash: the primary
# weights of CLDR 23's root collation of Unicode 6.2. scripts/vitess/weights makes this file.
# Source: Vitess, go/mysql/collations/vindex, which is golang.org/x/text (its LICENSE is beside this file), whose tables
# are derived from Unicode data (Copyright Unicode, Inc., Unicode-3.0).
#
# ideographs: ranges of characters without weights of their own that are ideographs in Unicode %s.
# weights: the weights of successive characters from the first on. A character has weights joined by commas; a weight is
#   its difference to the one before it on the line that is not zero, or _ for zero; /n is a combining class; *n repeats.
# contractions: the first character, those behind it, and the weights that they have together.
# combining: ranges of characters that do not begin a segment, their first and last combining class, and how many
#   characters of a segment they count for.
`

// The tables, which are no part of Vitess's interface: they are found by the names of their fields.
type weighter struct {
	elems      reflect.Type
	appendNext reflect.Value
	lookup     func([]byte) uint32
	states     []state
}

type state struct{ low, high, count, index byte }

func open() *weighter {
	hasher := collate.New(md5.New())
	field := reflect.ValueOf(hasher).Elem().FieldByName("iter")
	iter := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
	table := iter.FieldByName("Weighter")
	trie := table.Elem().FieldByName("Index")
	index0, index := trie.FieldByName("Index0").Interface().([]uint16), trie.FieldByName("Index").Interface().([]uint16)
	values0, values := trie.FieldByName("Values0").Interface().([]uint32), trie.FieldByName("Values").Interface().([]uint32)
	lookup := func(s []byte) uint32 {
		if len(s) == 1 {
			return values0[s[0]]
		}
		block := index0[s[0]]
		for _, c := range s[1 : len(s)-1] {
			block = index[int(block)<<6+int(c)]
		}
		return values[int(block)<<6+int(s[len(s)-1])]
	}
	tries := table.Elem().FieldByName("ContractTries")
	states := make([]state, tries.Len())
	for i := range states {
		at := func(n int) byte { return byte(tries.Index(i).Field(n).Uint()) }
		states[i] = state{at(0), at(1), at(2), at(3)}
	}
	return &weighter{iter.FieldByName("Elems").Type(), table.MethodByName("AppendNext"), lookup, states}
}

type weight struct{ primary, class int }

// The weights of the first character of a text, or of the contraction that it begins with.
func (w *weighter) weights(text []byte) (weights []weight, used int) {
	out := w.appendNext.Call([]reflect.Value{reflect.MakeSlice(w.elems, 0, 32), reflect.ValueOf(text)})
	for i := range out[0].Len() {
		elem := out[0].Index(i)
		primary := elem.MethodByName("Primary").Call(nil)[0].Int()
		class := elem.MethodByName("CCC").Call(nil)[0].Uint()
		weights = append(weights, weight{int(primary), int(class)})
	}
	return weights, int(out[1].Int())
}

func each(f func(r rune)) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if utf8.ValidRune(r) {
			f(r)
		}
	}
}

const firstHangul, lastHangul = 0xAC00, 0xD7A3

func (w *weighter) isImplicit(r rune) bool {
	return w.lookup([]byte(string(r))) == 0
}

func (w *weighter) isContraction(r rune) bool {
	v := w.lookup([]byte(string(r)))
	return v > 0xAFFFFFFF && v <= 0xDFFFFFFF
}

func (w *weighter) ideographs(out *bufio.Writer) {
	fmt.Fprintln(out, "ideographs")
	var ranges ranges
	each(func(r rune) {
		if w.isImplicit(r) && unicode.Is(unicode.Ideographic, r) {
			ranges.add(r, "")
		}
	})
	ranges.print(out)
}

func (w *weighter) singles(out *bufio.Writer) {
	fmt.Fprintln(out, "weights")
	line := line{next: -1}
	each(func(r rune) {
		if w.isImplicit(r) {
			return
		}
		weights, _ := w.weights([]byte(string(r)))
		if r != line.next || line.count >= 64 {
			line.flush(out)
			line.start(r)
		}
		line.add(weights)
		line.next++
		line.count++
	})
	line.flush(out)
}

func (w *weighter) eachContraction(f func(first rune, rest string)) {
	each(func(r rune) {
		if w.isContraction(r) {
			v := w.lookup([]byte(string(r)))
			for _, rest := range w.suffixes(int(v>>4&0xFFF), int(v&0xF)) {
				f(r, rest)
			}
		}
	})
}

func (w *weighter) contractions(out *bufio.Writer) {
	fmt.Fprintln(out, "contractions")
	w.eachContraction(func(first rune, rest string) {
		text := append([]byte(string(first)), rest...)
		weights, used := w.weights(text)
		if used != len(text) {
			panic(fmt.Sprintf("%q is not one contraction", text))
		}
		var line line
		line.start(first)
		for _, r := range rest {
			fmt.Fprintf(&line.text, " %04x", r)
		}
		line.text.WriteString(" :")
		line.add(weights)
		line.flush(out)
	})
}

// What may follow, of the nodes of a trie from `first` on.
func (w *weighter) suffixes(first, count int) (suffixes []string) {
	for c := range 256 {
		for i := range count {
			s := w.states[first+i]
			is, low := byte(c) == s.low, string([]byte{byte(c)})
			if !is && !(s.count == 0 && byte(c) > s.low && byte(c) <= s.high) {
				continue
			}
			if !is || s.index != 0xFF {
				suffixes = append(suffixes, low)
			}
			if s.count != 0 {
				for _, rest := range w.suffixes(first+int(s.high)+count, int(s.count)) {
					suffixes = append(suffixes, low+rest)
				}
			}
			break
		}
	}
	return suffixes
}

func combining(out *bufio.Writer) {
	fmt.Fprintln(out, "combining")
	var ranges ranges
	each(func(r rune) {
		p := norm.NFD.Properties([]byte(string(r)))
		lead := reflect.ValueOf(p).FieldByName("nLead").Uint()
		if p.LeadCCC() != 0 || lead != 0 {
			ranges.add(r, fmt.Sprintf(" %d %d %d", p.LeadCCC(), p.TrailCCC(), lead))
		}
	})
	ranges.print(out)
}

type line struct {
	text   strings.Builder
	tokens []string
	last   int
	next   rune
	count  int
}

func (l *line) start(r rune) {
	*l = line{next: r}
	fmt.Fprintf(&l.text, "%04x", r)
}

func (l *line) add(weights []weight) {
	var parts []string
	for _, w := range weights {
		part := "_"
		if w.primary != 0 {
			part = fmt.Sprint(w.primary - l.last)
			l.last = w.primary
		}
		if w.class != 0 {
			part += fmt.Sprintf("/%d", w.class)
		}
		parts = append(parts, part)
	}
	l.tokens = append(l.tokens, strings.Join(parts, ","))
}

func (l *line) flush(out *bufio.Writer) {
	if len(l.tokens) == 0 {
		return
	}
	for i := 0; i < len(l.tokens); {
		end := i
		for end < len(l.tokens) && l.tokens[end] == l.tokens[i] {
			end++
		}
		fmt.Fprintf(&l.text, " %s", l.tokens[i])
		if end-i > 1 {
			fmt.Fprintf(&l.text, "*%d", end-i)
		}
		i = end
	}
	fmt.Fprintln(out, l.text.String())
	*l = line{}
}

type ranges struct{ all []interval }

type interval struct {
	first, last rune
	text        string
}

func (rs *ranges) add(r rune, text string) {
	if n := len(rs.all); n > 0 && rs.all[n-1].last == r-1 && rs.all[n-1].text == text {
		rs.all[n-1].last = r
		return
	}
	rs.all = append(rs.all, interval{r, r, text})
}

func (rs *ranges) print(out *bufio.Writer) {
	for _, r := range rs.all {
		fmt.Fprintf(out, "%04x-%04x%s\n", r.first, r.last, r.text)
	}
}
