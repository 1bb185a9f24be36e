use proptest::prelude::*;

use super::*;

const ORDERS: &str = "CREATE TABLE `or``ders, (` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `PRIMARY KEY` int DEFAULT '5' COMMENT 'a, b) KEY',
  `e` enum('a','b,''c') CHARACTER SET latin1 COLLATE latin1_bin DEFAULT 'a',
  `g` varchar(20) GENERATED ALWAYS AS (concat(`e`,_utf8mb4', (\\n')) STORED,
  `inv` int DEFAULT '5' /*!80023 INVISIBLE */,
  PRIMARY KEY (`inv`,`id`),
  UNIQUE KEY `u` (`g`(5),`e`),
  KEY `auto` (`id`),
  KEY `k (` (((`inv` + 1)),`e` DESC) COMMENT 'x' /*!80000 INVISIBLE */,
  FULLTEXT KEY `f` (`g`) /*!50100 WITH PARSER `ngram` */ ,
  CONSTRAINT `fk` FOREIGN KEY (`inv`) REFERENCES `p` (`id`) ON DELETE CASCADE,
  CONSTRAINT `fk2` FOREIGN KEY (`inv`,`a, b)`) REFERENCES `crm`.`p` (`id`,`PRIMARY KEY`),
  CONSTRAINT `ck` CHECK ((`inv` > 0)) /*!80016 NOT ENFORCED */
) ENGINE=InnoDB AUTO_INCREMENT=17 DEFAULT CHARSET=utf8mb4 COMMENT='tab'
/*!50100 PARTITION BY RANGE (`inv`)
(PARTITION p0 VALUES LESS THAN (10) ENGINE = InnoDB) */";

fn names(items: &[&Item]) -> Vec<String> {
    items.iter().map(|item| item.name.clone()).collect()
}

#[test]
fn a_definition_is_cut_into_its_pieces() {
    let table = CreateTable::parse(ORDERS).unwrap();

    assert_eq!(table.name(), "or`ders, (");
    let of = |kind| names(&table.items_of(kind).collect::<Vec<_>>());
    assert_eq!(of(ItemKind::Column), ["id", "PRIMARY KEY", "e", "g", "inv"]);
    assert_eq!(of(ItemKind::PrimaryKey), ["PRIMARY"]);
    assert_eq!(of(ItemKind::UniqueKey), ["u"]);
    assert_eq!(of(ItemKind::Index), ["auto", "k (", "f"]);
    assert_eq!(of(ItemKind::Check), ["ck"]);
    let key =
        |name: &str, database: Option<&str>, columns: &[&str], referenced: &[&str]| ForeignKey {
            name: name.to_owned(),
            database: database.map(str::to_owned),
            table: "p".to_owned(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            referenced: referenced.iter().map(|&column| column.to_owned()).collect(),
        };
    let (items, keys): (Vec<&Item>, Vec<ForeignKey>) = table.foreign_keys().unzip();
    assert_eq!(names(&items), ["fk", "fk2"]);
    assert_eq!(
        keys,
        [
            key("fk", None, &["inv"], &["id"]),
            key("fk2", Some("crm"), &["inv", "a, b)"], &["id", "PRIMARY KEY"]),
        ]
    );
    assert_eq!(table.items()[4].text, "`inv` int DEFAULT '5' /*!80023 INVISIBLE */");
}

#[test]
fn a_shard_gives_no_numbers_and_has_the_foreign_keys_that_are_kept() {
    let table = CreateTable::parse(ORDERS).unwrap();
    let lines =
        ORDERS.replace("NOT NULL AUTO_INCREMENT", "NOT NULL").replace(" AUTO_INCREMENT=17", "");
    let wanted = CreateTable::parse(&lines).unwrap();
    let lines: Vec<&str> = lines.lines().filter(|line| !line.contains("`fk`")).collect();
    let kept = CreateTable::parse(&lines.join("\n")).unwrap();
    let odd = "CREATE TABLE t (`AUTO_INCREMENT` int DEFAULT '1' COMMENT 'AUTO_INCREMENT',
        id int AUTO_INCREMENT COMMENT 'it''s' PRIMARY KEY) AUTO_INCREMENT=18446744073709551615";
    let odd = odd.replace("id int", "`id` int");

    assert_eq!(table.for_shard(), wanted);
    assert_eq!(wanted.for_shard(), wanted);
    assert_eq!(wanted.with_foreign_keys(|item| item.name == "fk2"), kept);
    let odd = CreateTable::parse(&odd).unwrap().for_shard();
    let texts: Vec<&str> = odd.items().iter().map(|item| item.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "`AUTO_INCREMENT` int DEFAULT '1' COMMENT 'AUTO_INCREMENT'",
            "`id` int COMMENT 'it''s' PRIMARY KEY"
        ]
    );
    assert_eq!(odd.options(), "");
}

#[test]
fn the_table_is_made_with_its_keys_and_the_rest_comes_later() {
    let table = CreateTable::parse(ORDERS).unwrap();
    let without = |left_out: &[&str]| {
        let stays = |line: &&str| !left_out.iter().any(|out| line.contains(out));
        ORDERS.lines().filter(stays).collect::<Vec<_>>().join("\n")
    };

    assert_eq!(table.statement(IndexTime::AfterRows), without(&["KEY `k", "FULLTEXT", "FOREIGN"]));
    assert_eq!(table.statement(IndexTime::WithTable), without(&["FULLTEXT", "FOREIGN"]));
}

#[test]
fn what_comes_later_is_added_in_one_statement() {
    let table = CreateTable::parse(ORDERS).unwrap();
    let foreign_keys: Vec<&Item> = table.items_of(ItemKind::ForeignKey).collect();

    assert_eq!(
        table.add_statement(&table.deferred_indexes(IndexTime::AfterRows)).unwrap(),
        "ALTER TABLE `or``ders, (` ADD KEY `k (` (((`inv` + 1)),`e` DESC) COMMENT 'x' \
         /*!80000 INVISIBLE */, ADD FULLTEXT KEY `f` (`g`) /*!50100 WITH PARSER `ngram` */"
    );
    assert_eq!(
        table.add_statement(&foreign_keys).unwrap(),
        "ALTER TABLE `or``ders, (` ADD CONSTRAINT `fk` FOREIGN KEY (`inv`) REFERENCES `p` (`id`) \
         ON DELETE CASCADE, ADD CONSTRAINT `fk2` FOREIGN KEY (`inv`,`a, b)`) \
         REFERENCES `crm`.`p` (`id`,`PRIMARY KEY`)"
    );
    assert_eq!(table.add_statement(&[]), None);
}

#[test]
fn an_index_stays_where_auto_increment_has_no_key() {
    let with = |keys: &str| {
        let text = format!(
            "CREATE TABLE `t` (\n  `a` int,\n  `id` int AUTO_INCREMENT,\n  {keys}\n) ENGINE=InnoDB"
        );
        names(&CreateTable::parse(&text).unwrap().deferred_indexes(IndexTime::AfterRows))
    };

    assert_eq!(with("PRIMARY KEY (`id`),\n  KEY `k` (`id`)"), ["k"]);
    assert_eq!(with("UNIQUE KEY `u` (`id`,`a`),\n  KEY `k` (`id`)"), ["k"]);
    assert_eq!(with("PRIMARY KEY (`a`),\n  KEY `k` (`id`),\n  KEY `l` (`id`,`a`)"), ["l"]);
}

#[test]
fn definitions_of_other_shapes_are_refused() {
    for text in ["", "CREATE VIEW `v` AS select 1", "CREATE TABLE `t`", "CREATE TABLE `t` (`a` int"]
    {
        assert_eq!(CreateTable::parse(text), Err(CreateTableError::Shape), "{text}");
    }
    assert_eq!(
        CreateTable::parse("CREATE TABLE `t` (\n `a` int,\n PERIOD FOR x\n)"),
        Err(CreateTableError::Piece { begins: "PERIOD".to_owned() })
    );
}

#[test]
fn characters_that_were_not_printed_are_noticed() {
    for (piece, is_unprintable) in [
        ("`e` enum('a','?')", true),
        ("`e` set('a?','b') DEFAULT 'b'", true),
        ("`g` int GENERATED ALWAYS AS (concat(`e`,_utf8mb4'????')) STORED", false),
        ("`c` varchar(5) DEFAULT '?' COMMENT '????'", false),
        ("`e` enum('a') DEFAULT 'a' COMMENT '?'", false),
    ] {
        let table = CreateTable::parse(&format!("CREATE TABLE `t` (\n  {piece}\n)")).unwrap();

        assert_eq!(table.unprintable().is_some(), is_unprintable, "{piece}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*", cut in any::<prop::sample::Index>()) {
        let _parsed = CreateTable::parse(&text);
        let end = ORDERS.floor_char_boundary(cut.index(ORDERS.len()));
        let _parsed = CreateTable::parse(ORDERS.get(..end).unwrap());
    }

    #[test]
    fn names_and_comments_of_any_kind_keep_their_place(
        name in "[^\\x00]{1,10}",
        comment in "[^\\x00]{0,10}",
    ) {
        let (quoted, comment) = (quoted(&name), super::super::literal(&comment));
        let text = format!(
            "CREATE TABLE {quoted} (\n  {quoted} int COMMENT {comment},\n  KEY {quoted} ({quoted})\n) \
             COMMENT={comment}"
        );
        let table = CreateTable::parse(&text).unwrap();

        prop_assert_eq!(table.name(), &name);
        prop_assert_eq!(table.items().len(), 2);
        prop_assert_eq!(&table.items()[0].name, &name);
        prop_assert_eq!(names(&table.deferred_indexes(IndexTime::AfterRows)), [name]);
    }
}
