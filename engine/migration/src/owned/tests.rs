//! What windows come to, one decision at a time. The simulator tries them all together.

use super::*;

const A: u64 = 0;
const B: u64 = 1;

fn column(name: &str, column_type: ColumnType, declaration: &str) -> Column {
    Column {
        name: name.to_owned(),
        column_type,
        declaration: declaration.to_owned(),
        nullable: false,
        generation: Generation::None,
    }
}

/// Keyed by text that pads with spaces.
fn owned() -> Owned {
    let text =
        ColumnType::Text { charset: "utf8mb4".to_owned(), collation: "utf8mb4_bin".to_owned() };
    let number = ColumnType::Int { width: IntWidth::Big, unsigned: true };
    let columns = vec![column("v", number, "bigint unsigned"), column("k", text, "varchar(9)")];
    let table = Table::new(("shop", "events"), columns, ("PRIMARY", &["k"]), false).unwrap();
    Owned::new(table, vec!["a".to_owned(), "b".to_owned()]).unwrap()
}

fn key(text: &str) -> Key {
    let mut builder = RowBuilder::default();
    builder.push(Cell::Bytes(text.as_bytes()));
    builder.finish_key()
}

fn row(text: &str, value: u64) -> Row {
    let mut builder = RowBuilder::default();
    builder.push(Cell::UInt(value));
    builder.push(Cell::Bytes(text.as_bytes()));
    builder.finish()
}

fn put(text: &str, source: u64, value: u64) -> (Key, Option<Row>) {
    (with_source(&key(text), source), Some(row(text, value)))
}

fn gone(text: &str, source: u64) -> (Key, Option<Row>) {
    (with_source(&key(text), source), None)
}

fn shown(text: &str, source: u64) -> Found {
    Found { shown: vec![(key(text), source)], waiting: Vec::new() }
}

fn waits(text: &str, owner: u64, waiting: u64) -> Found {
    Found { waiting: vec![(key(text), waiting)], ..shown(text, owner) }
}

/// Cells for people.
fn text(cells: RowCells<'_>) -> String {
    let cells = cells.map(|cell| {
        if let Cell::Bytes(bytes) = cell {
            return format!("{:?}", str::from_utf8(bytes).unwrap());
        }
        let Cell::UInt(number) = cell else { panic!("a number or text") };
        number.to_string()
    });
    cells.collect::<Vec<_>>().join(" ")
}

/// What is done to the target, its owners and what waits: `-` before a key that goes, `+` before a row,
/// `^` before one that waited and is shown.
fn resolved(touched: Vec<(Key, Option<Row>)>, found: &Found) -> [String; 3] {
    let done = owned().resolve(TableEffects::of(touched), found);
    let promoted = done.promoted.iter().map(|key| format!("^{}", text(key.cells())));
    let rows: Vec<String> = promoted.chain(list(&done.rows)).collect();
    [rows.join(", "), list(&done.owners).join(", "), list(&done.waiting).join(", ")]
}

fn list(effects: &TableEffects) -> Vec<String> {
    let gone = effects.gone().map(|key| format!("-{}", text(key.cells())));
    gone.chain(effects.rows().map(|row| format!("+{}", text(row.cells())))).collect()
}

#[test]
fn a_key_that_nobody_has_gets_a_row_and_an_owner() {
    let done = resolved(vec![put("x", B, 7)], &Found::default());

    assert_eq!(done, [r#"+7 "x""#, r#"+"x" 1"#, ""]);
}

#[test]
fn a_change_by_the_owner_writes_the_row_alone() {
    assert_eq!(resolved(vec![put("x", A, 7)], &shown("x", A)), [r#"+7 "x""#, "", ""]);
    assert_eq!(resolved(vec![gone("x", A)], &shown("x", A)), [r#"-"x""#, r#"-"x""#, ""]);
}

#[test]
fn the_row_of_another_source_is_neither_replaced_nor_deleted() {
    assert_eq!(resolved(vec![gone("x", B)], &shown("x", A)), ["", "", ""]);
    assert_eq!(resolved(vec![put("x", B, 7)], &shown("x", A)), ["", "", r#"+7 "x" 1"#]);
    assert_eq!(resolved(vec![gone("x", B)], &waits("x", A, B)), ["", "", r#"-"x" 1"#]);
}

#[test]
fn a_row_that_moves_between_sources_in_one_window_is_shown_whichever_way() {
    let wanted = [r#"+7 "x""#, r#"+"x" 1"#, ""];

    assert_eq!(resolved(vec![put("x", B, 7), gone("x", A)], &shown("x", A)), wanted);
    assert_eq!(resolved(vec![gone("x", A), put("x", B, 7)], &shown("x", A)), wanted);
}

#[test]
fn a_row_that_waits_is_shown_when_the_other_goes() {
    let done = resolved(vec![gone("x", A)], &waits("x", A, B));
    assert_eq!(done, [r#"^"x" 1"#, r#"+"x" 1"#, r#"-"x" 1"#]);

    // Its newest image is in the window: nothing old is shown.
    let done = resolved(vec![put("x", B, 8), gone("x", A)], &waits("x", A, B));
    assert_eq!(done, [r#"+8 "x""#, r#"+"x" 1"#, r#"-"x" 1"#]);
}

#[test]
fn of_two_sources_that_both_come_with_a_key_one_waits() {
    let done = resolved(vec![put("x", B, 7), put("x", A, 6)], &Found::default());

    assert_eq!(done, [r#"+6 "x""#, r#"+"x" 0"#, r#"+7 "x" 1"#]);
}

#[test]
fn keys_that_the_target_calls_equal_are_one() {
    assert_eq!(resolved(vec![put("x ", B, 7)], &shown("x", A)), ["", "", r#"+7 "x " 1"#]);
    assert_eq!(
        resolved(vec![gone("x", A), put("x ", A, 7)], &shown("x", A)),
        [r#"+7 "x ""#, r#"+"x " 0"#, ""]
    );
    assert_eq!(
        resolved(vec![put("x ", B, 7), gone("x", B)], &waits("x", A, B)),
        ["", "", r#"-"x" 1, +7 "x " 1"#]
    );
    // Found by both of two spellings.
    let twice =
        Found { shown: [shown("x", A).shown, shown("x", A).shown].concat(), ..Found::default() };
    assert_eq!(resolved(vec![gone("x", A)], &twice), [r#"-"x""#, r#"-"x""#, ""]);
}

#[test]
fn what_is_kept_beside_a_target_is_made_after_it() {
    let statements = owned().create_statements();

    assert_eq!(
        statements[0],
        "DROP TABLE IF EXISTS `_whimbrel_owners_events`, `_whimbrel_waiting_events`"
    );
    assert_eq!(
        statements[1],
        "CREATE TABLE `_whimbrel_owners_events` (\n  \
         `k` varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,\n  \
         `_whimbrel_source` smallint unsigned NOT NULL,\n  PRIMARY KEY (`k`)\n) ENGINE=InnoDB \
         DEFAULT CHARACTER SET utf8mb4"
    );
    assert_eq!(statements[2], "CREATE TABLE `_whimbrel_waiting_events` LIKE `events`");
    assert_eq!(
        statements[3],
        "ALTER TABLE `_whimbrel_waiting_events` ADD COLUMN `_whimbrel_source` SMALLINT UNSIGNED NOT \
         NULL, DROP PRIMARY KEY, ADD PRIMARY KEY (`k`, `_whimbrel_source`)"
    );
}
