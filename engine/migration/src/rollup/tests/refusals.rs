//! What is refused before a row is written, and what the server refuses.

use super::*;

async fn described(session: &mut Session, pair: &Pair, create: &str) -> Description {
    session.execute(b"DROP TABLE IF EXISTS v").await.unwrap();
    session.execute(create.as_bytes()).await.unwrap();
    catalog::describe(session, &pair.target_database, "v").await.unwrap()
}

#[tokio::test]
async fn what_cannot_be_shown_exactly_is_refused_with_what_mends_it() {
    use Aggregate::{Avg, Max, Min, Rows, Sum};
    let pair = pair().await.unwrap();
    let mut session = session(&pair).await;
    let labels = ColumnType::Enum;
    let arguments = [
        decimal("price", (10, 2), true),
        decimal("wide", (62, 0), false),
        column("rate", "double", ColumnType::Double, false),
        column("state", "enum('a')", labels, false),
        text("label", ("latin1", "latin1_german1_ci"), false),
    ];
    type Aggregates = &'static [(&'static str, Aggregate)];
    let cases: &[(&str, Aggregates, &str, &str)] = &[
        ("g INT PRIMARY KEY, n BIGINT", &[("n", Rows), ("m", Rows)], "no column `m`", "add `m`"),
        ("g INT PRIMARY KEY, n BIGINT, m INT", &[("n", Rows)], "`m` is neither", "DROP COLUMN `m`"),
        ("g JSON, n BIGINT", &[("n", Rows)], "whose whole values no key holds", "bounded value"),
        ("g TEXT, n BIGINT, KEY (g(10))", &[("n", Rows)], "no key holds", "bounded value"),
        ("g INT NOT NULL, n BIGINT", &[("n", Rows)], "primary key", "ADD PRIMARY KEY (`g`)"),
        ("g INT, n BIGINT", &[("n", Rows)], "no index begins", "ADD UNIQUE KEY (`g`)"),
        ("g INT, n BIGINT, KEY (n, g)", &[("n", Rows)], "no index begins", "ADD UNIQUE KEY"),
        ("g VARCHAR(9), n BIGINT, KEY (g(4))", &[("n", Rows)], "no index begins", "ADD UNIQUE"),
        ("g INT, n BIGINT, KEY (g) INVISIBLE", &[("n", Rows)], "no index begins", "ADD UNIQUE"),
        (
            "g INT PRIMARY KEY, n BIGINT UNIQUE",
            &[("n", Rows)],
            "`n` is unique over other columns",
            "DROP INDEX `n`",
        ),
        ("g INT PRIMARY KEY, n DOUBLE", &[("n", Rows)], "does not hold", "MODIFY `n` BIGINT"),
        ("g INT PRIMARY KEY, n BIGINT", &[("n", Sum(0))], "does not hold", "DECIMAL(40,2)"),
        (
            "g INT PRIMARY KEY, n DECIMAL(9,5)",
            &[("n", Avg(0))],
            "does not hold",
            "MODIFY `n` DECIMAL(40,6)",
        ),
        ("g INT PRIMARY KEY, n DECIMAL(9,1)", &[("n", Min(0))], "does not hold", "DECIMAL(40,2)"),
        (
            "g INT PRIMARY KEY, n DECIMAL(12,2) NOT NULL",
            &[("n", Sum(0))],
            "`n` is NOT NULL",
            "value ?? 0",
        ),
        ("g INT PRIMARY KEY, n DECIMAL(65)", &[("n", Sum(1))], "cannot be summed", "DECIMAL(61,0)"),
        ("g INT PRIMARY KEY, n DECIMAL(65)", &[("n", Avg(2))], "cannot be averaged", "DECIMAL"),
        ("g INT PRIMARY KEY, n ENUM('a')", &[("n", Max(3))], "put in order", "its text"),
        (
            "g INT PRIMARY KEY, n VARCHAR(20) CHARACTER SET latin2",
            &[("n", Max(4))],
            "does not hold",
            "MODIFY `n` varchar(20)",
        ),
        ("g INT PRIMARY KEY, n FLOAT", &[("n", Max(2))], "does not hold", "MODIFY `n` double"),
    ];

    for (columns, aggregates, what, remedy) in cases {
        let visible = described(&mut session, &pair, &format!("CREATE TABLE v ({columns})")).await;
        let key = [big("id")];
        let shape = Shape {
            visible: &visible,
            key: &key,
            groups: &["g"],
            arguments: &arguments,
            aggregates,
        };
        let problems = Rollup::new(&shape).unwrap_err();
        let told: Vec<String> =
            problems.iter().map(|problem| format!("{problem}; {}", problem.remedy("v"))).collect();
        let is_told = told.iter().any(|told| told.contains(what) && told.contains(remedy));
        assert!(is_told, "{columns}: {told:?}");
    }
}

#[tokio::test]
async fn rows_that_nothing_tells_apart_exactly_are_refused() {
    let pair = pair().await.unwrap();
    let mut session = session(&pair).await;
    let create = "CREATE TABLE v (g INT PRIMARY KEY, n BIGINT)";
    let visible = described(&mut session, &pair, create).await;
    let key = [column("x", "double", ColumnType::Double, false)];
    let (groups, aggregates) = (&["g"], &[("n", Aggregate::Rows)]);
    let shape = Shape { visible: &visible, key: &key, groups, arguments: &[], aggregates };

    let problems = Rollup::new(&shape).unwrap_err();

    assert_eq!(problems, [RollupProblem::Key { column: "x".to_owned() }]);
}

/// One group with sums of a wide value; the visible column holds fewer digits than they may have.
fn sums() -> Case {
    Case {
        visible: "CREATE TABLE v (g INT PRIMARY KEY, s DECIMAL(63,1))",
        groups: &["g"],
        key: vec![big("id")],
        arguments: vec![decimal("wide", (61, 1), true)],
        aggregates: &[("s", Aggregate::Sum(0))],
    }
}

async fn code_of(world: &mut World, changes: &[(i64, Option<&str>)]) -> Option<u16> {
    let changes = changes.iter().map(|&(id, value)| {
        let mut key = RowBuilder::default();
        key.push(Cell::Int(id));
        let mut row = RowBuilder::default();
        row.push(Cell::Int(id));
        row.push(Cell::Int(1));
        row.push(value.map_or(Cell::Null, |value| Cell::Decimal(value.as_bytes())));
        let key = key.finish_key();
        (key.as_bytes().to_vec(), (key, Some(row.finish())))
    });
    let code = world.write(changes.collect()).await.err().and_then(|error| error.code());
    if code.is_some() {
        world.session.execute(b"ROLLBACK").await.unwrap();
    }
    code
}

#[tokio::test]
async fn a_sum_without_room_is_refused_and_never_cut() {
    let pair = pair().await.unwrap();
    let mut world = World::new(&pair, &sums(), Random::new(0)).await;
    let nines = format!("{}.9", "9".repeat(60));

    // A hundred of them have 62 digits before the point, as many as the column.
    let many: Vec<(i64, Option<&str>)> = (0..100).map(|id| (id, Some(nines.as_str()))).collect();
    assert_eq!(code_of(&mut world, &many).await, None);
    world.assert_right().await;
    let more: Vec<(i64, Option<&str>)> =
        (100..1_100).map(|id| (id, Some(nines.as_str()))).collect();
    assert_eq!(code_of(&mut world, &more).await, Some(1264));
    world.assert_right().await;

    // Nor is a sum cut that the accumulators have no room for.
    world.session.execute(b"ALTER TABLE v MODIFY s DECIMAL(65,1)").await.unwrap();
    for first in 0..5 {
        let more: Vec<(i64, Option<&str>)> =
            (0..2_000).map(|id| (first * 2_000 + id, Some(nines.as_str()))).collect();
        assert_eq!(code_of(&mut world, &more).await, None, "{first}");
    }
    world.assert_right().await;
    let all: Vec<(i64, Option<&str>)> = (0..20_000).map(|id| (id, Some(nines.as_str()))).collect();
    assert_eq!(code_of(&mut world, &all).await, Some(1264));
    world.assert_right().await;
}

#[tokio::test]
async fn groups_that_are_not_those_of_the_rows_are_noticed() {
    let pair = pair().await.unwrap();
    let mut world = World::new(&pair, &sums(), Random::new(0)).await;
    assert_eq!(code_of(&mut world, &[(1, Some("1.0")), (2, None)]).await, None);

    let tamper = format!("UPDATE {} SET row_count = 0", quoted(world.rollup.groups_table()));
    world.session.execute(tamper.as_bytes()).await.unwrap();
    let key = world.held.keys().next().unwrap().clone();
    let gone = Key::from_bytes(&key).unwrap();
    let error = world.write(BTreeMap::from([(key, (gone, None))])).await.unwrap_err();

    assert_eq!(error.code(), Some(COUNT_IS_NEGATIVE));
}
