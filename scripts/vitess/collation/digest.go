package main

import (
	"bufio"
	"crypto/md5"
	"fmt"
	"unicode/utf8"

	"vitess.io/vitess/go/sqltypes"
	"vitess.io/vitess/go/vt/vtgate/vindexes"
)

// What Vitess makes of the texts of engine/sharding/src/unicode/tests.rs, in one number for each kind of them.
func digest(out *bufio.Writer) {
	vindex, err := vindexes.CreateVindex("unicode_loose_md5", "weights", nil)
	if err != nil {
		panic(err)
	}
	all := md5.New()
	add := func(text string) {
		id, err := vindex.(vindexes.Hashing).Hash(sqltypes.NewVarChar(text))
		if err != nil {
			panic(err)
		}
		all.Write(id)
	}
	end := func(name string) {
		fmt.Fprintf(out, "%s %x\n", name, all.Sum(nil))
		all.Reset()
	}

	each(func(r rune) { add(string(r)) })
	end("characters")
	open().eachContraction(func(r rune, rest string) {
		first := string(r)
		begun := string([]rune(rest)[:utf8.RuneCountInString(rest)-1])
		add(first + rest)
		add(first + rest + first + rest)
		add(first + "\u0334" + rest)
		add(first + "\u0334\u0327" + rest + "\u0301")
		add(first + "\u0301" + rest + "\u0334")
		add(first + rest + "\u0301\u0334" + rest)
		add(first + "\u094d" + rest)
		add(first + "\u094d" + begun + "\u0301")
		for _, count := range []int{30, 31, 32} {
			add(first + string([]rune(ladder)[:count]) + rest)
		}
	})
	end("contractions")
	random := random{0x5eed}
	for range 200_000 {
		add(random.text())
	}
	end("texts")
}

const ladder = "\u0334\u093c\u094d" +
	"\u05b0\u05b1\u05b2\u05b3\u05b4\u05b5\u05b6\u05b7\u05b8\u05b9\u05bb\u05bc\u05bd\u05bf\u05c1\u05c2" +
	"\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0670\u0711\u0c55\u0c56\u0e38\u0e48\u0eb8"

var blocks = [][2]uint64{
	{0x20, 0x7f}, {0xa0, 0x250}, {0x370, 0x400}, {0x400, 0x530}, {0x590, 0x700}, {0x900, 0xa00}, {0xa00, 0xc00},
	{0xc00, 0xe00}, {0xe00, 0xf00}, {0xf00, 0xfc0}, {0x1000, 0x10a0}, {0x1100, 0x1200}, {0x1d00, 0x2000},
	{0x2e80, 0x3400}, {0x4e00, 0xa000}, {0xaa80, 0xaae0}, {0xac00, 0xd7a4}, {0xf900, 0x10000}, {0x11000, 0x11200},
	{0x1d100, 0x1d250}, {0x20000, 0x32400},
}

var weighedMarks = []uint64{0x345, 0x363, 0x94d, 0xe38, 0xeb8, 0xf71, 0xf72, 0xf74}

type random struct{ seed uint64 }

func (r *random) below(bound uint64) uint64 {
	r.seed ^= r.seed << 13
	r.seed ^= r.seed >> 7
	r.seed ^= r.seed << 17
	return r.seed % bound
}

func (r *random) text() string {
	block := blocks[r.below(21)]
	length, kinds := uint64(40), uint64(64)
	if r.below(16) != 0 {
		length, kinds = 1+r.below(8), 8
	}
	var text []rune
	for index := range length {
		var c uint64
		switch kind := r.below(kinds); {
		case kind == 0:
			c = r.below(0x110000)
		case index == 0 || kind < 5 && length < 40:
			c = block[0] + r.below(block[1]-block[0])
		case kind == 6:
			c = 0x300 + r.below(0x10)
		case kind == 7 || kind >= 32:
			c = weighedMarks[r.below(8)]
		default:
			c = 0x300 + r.below(0x70)
		}
		if c >= 0xd800 && c < 0xe000 {
			c = '-'
		}
		text = append(text, rune(c))
	}
	return string(text)
}
