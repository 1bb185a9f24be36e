use std::{collections::BTreeMap, iter};

use md5::{Digest, Md5};

use crate::{KeyspaceId, Value, Vindex};

/// The digest of the keyspace ids of texts.
fn digest(texts: &mut dyn Iterator<Item = String>) -> String {
    let vindex = Vindex::new("unicode_loose_md5", &BTreeMap::new(), &BTreeMap::new()).unwrap();
    let mut digest = Md5::new();
    for text in texts {
        let id = vindex.keyspace_id(&[Value::Text(text.as_bytes())]).unwrap();
        digest.update(id.as_bytes());
    }
    KeyspaceId::from(digest.finalize().as_slice()).to_string()
}

/// Marks of growing combining classes: 1, 7 to 36 but 8, and some above.
fn ladder(count: usize) -> String {
    let hebrew = "\u{5b0}\u{5b1}\u{5b2}\u{5b3}\u{5b4}\u{5b5}\u{5b6}\u{5b7}\u{5b8}\u{5b9}\u{5bb}\u{5bc}\u{5bd}\u{5bf}\u{5c1}\u{5c2}";
    let arabic = "\u{64b}\u{64c}\u{64d}\u{64e}\u{64f}\u{650}\u{651}\u{652}\u{670}\u{711}";
    let all = format!("\u{334}\u{93c}\u{94d}{hebrew}{arabic}\u{c55}\u{c56}\u{e38}\u{e48}\u{eb8}");
    all.chars().take(count).collect()
}

/// Each contraction of the table by itself, and in texts where others are in its midst.
fn contractions() -> impl Iterator<Item = String> {
    let lines = include_str!("weights.txt").lines().skip_while(|line| *line != "contractions");
    lines.skip(1).take_while(|line| *line != "combining").flat_map(|line| {
        let (characters, _) = line.split_once(" : ").unwrap();
        let number = |digits| char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap();
        let mut characters = characters.split(' ').map(number);
        let (first, rest) = (characters.next().unwrap(), characters.collect::<String>());
        let begun: String = rest.chars().take(rest.chars().count() - 1).collect();
        [
            format!("{first}{rest}"),
            format!("{first}{rest}{first}{rest}"),
            format!("{first}\u{334}{rest}"),
            format!("{first}\u{334}\u{327}{rest}\u{301}"),
            format!("{first}\u{301}{rest}\u{334}"),
            format!("{first}{rest}\u{301}\u{334}{rest}"),
            format!("{first}\u{94d}{rest}"),
            format!("{first}\u{94d}{begun}\u{301}"),
            format!("{first}{}{rest}", ladder(30)),
            format!("{first}{}{rest}", ladder(31)),
            format!("{first}{}{rest}", ladder(32)),
        ]
    })
}

/// The scripts that random texts are of.
const BLOCKS: [(u32, u32); 21] = [
    (0x20, 0x7f),
    (0xa0, 0x250),
    (0x370, 0x400),
    (0x400, 0x530),
    (0x590, 0x700),
    (0x900, 0xa00),
    (0xa00, 0xc00),
    (0xc00, 0xe00),
    (0xe00, 0xf00),
    (0xf00, 0xfc0),
    (0x1000, 0x10a0),
    (0x1100, 0x1200),
    (0x1d00, 0x2000),
    (0x2e80, 0x3400),
    (0x4e00, 0xa000),
    (0xaa80, 0xaae0),
    (0xac00, 0xd7a4),
    (0xf900, 0x10000),
    (0x11000, 0x11200),
    (0x1d100, 0x1d250),
    (0x20000, 0x32400),
];

/// Marks of different classes that are compared, so that their order shows.
const WEIGHED_MARKS: [u32; 8] = [0x345, 0x363, 0x94d, 0xe38, 0xeb8, 0xf71, 0xf72, 0xf74];

/// Texts of one script with marks and other characters, some of them with very many marks.
fn random_texts(mut seed: u64) -> impl Iterator<Item = String> {
    let mut below = move |bound: u32| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        u32::try_from(seed % u64::from(bound)).unwrap()
    };
    iter::repeat_with(move || {
        let (first, end) = BLOCKS[usize::try_from(below(21)).unwrap()];
        let (length, kinds) = if below(16) == 0 { (40, 64) } else { (1 + below(8), 8) };
        let characters = (0..length).map(|index| {
            char::from_u32(match below(kinds) {
                0 => below(0x11_0000),
                kind if index == 0 || kind < 5 && length < 40 => first + below(end - first),
                6 => 0x300 + below(0x10),
                7 | 32.. => WEIGHED_MARKS[usize::try_from(below(8)).unwrap()],
                _ => 0x300 + below(0x70),
            })
        });
        characters.map(|character| character.unwrap_or('-')).collect()
    })
}

#[test]
fn every_character_and_many_texts_have_the_keyspace_ids_that_vitess_gives_them() {
    // What `scripts/vitess/weights digest` prints, which asks Vitess's own code.
    for (texts, expected) in [
        (
            &mut ('\0'..=char::MAX).map(String::from) as &mut dyn Iterator<Item = String>,
            "4fbd3f5d17ecb7b5dac708d35174596a",
        ),
        (&mut contractions(), "ef98647788569ae7f426afd9e9f5c1fd"),
        (&mut random_texts(0x5eed).take(200_000), "10e9dc8771cb03ac54b4662aeda1e25d"),
    ] {
        assert_eq!(digest(texts), expected);
    }
}
