//! Asks for the types of those nodes of documents whose text leaves them open.

use whimbrel_model::{Cell, Column, Key, Row, Table};

use crate::{
    error::Error,
    json::{AmbiguousPaths, JsonError, NodeType, text_literal},
    session::Session,
    statement::equal,
    types::{RowDecoder, quoted, unexpected},
};

/// The bytes that a question is asked at: it holds the paths of many nodes, each of which the server
/// parses and keeps while it answers. The last part may go past it.
const QUESTION_BYTES_MAX: usize = 256 << 10;

/// The most nodes that one part of a question names: with usual paths a fifth of a question.
const PART_NODES_MAX: usize = 1_000;

/// The most rows that one `SELECT` of a question names: the range optimizer takes many more, but what
/// it leaves is compared with every one of them.
const SELECT_ROWS_MAX: usize = 200;

/// A document of which more must be asked.
pub(super) struct Open {
    /// The row's place in the chunk.
    pub(super) row: usize,
    /// The cell's place in the row.
    pub(super) cell: usize,
}

/// Brings the open documents into their canonical form.
///
/// # Errors
///
/// Those of the session, [`Error::Value`] for a document that cannot be carried, and
/// [`Error::Unexpected`] when a row is not there any more: the session has no read view.
pub(super) async fn close(
    session: &mut Session,
    table: &Table,
    rows: &mut [(Key, Row)],
    open: &[Open],
) -> Result<(), Error> {
    let mut decoder = RowDecoder::new(table);
    let mut question = Question::new(table);
    // Documents of one column and of one shape share a part of a question.
    let mut open: Vec<&Open> = open.iter().collect();
    open.sort_by_key(|document| (document.cell, document.row));
    // The documents of the question, each with how many of its nodes are in it.
    let mut asked: Vec<(&Open, usize)> = Vec::new();
    let mut types: Vec<NodeType> = Vec::new();
    for document in open {
        let (key, row) =
            rows.get(document.row).ok_or_else(|| unexpected("an open row is not in its chunk"))?;
        let column = column(table, document.cell)?;
        let refused = |cause: JsonError| Error::Value { column: column.name.clone(), cause };
        let Some(Cell::Json(text)) = row.cell(document.cell) else {
            return Err(unexpected("an open document is none"));
        };
        let mut condition = Vec::new();
        equal(&mut condition, table, key)?;
        let mut part = Part::new(&quoted(&column.name));
        let mut paths = AmbiguousPaths::new(text);
        let mut node_count = 0;
        while let Some(path) = paths.next_path().map_err(refused)? {
            part.push(path);
            node_count += 1;
            if part.node_count == PART_NODES_MAX {
                question.push(&mut part, &condition);
                if question.is_full() {
                    types.extend(question.ask(session).await?);
                }
            }
        }
        question.push(&mut part, &condition);
        asked.push((document, node_count));
        if question.is_full() {
            types.extend(question.ask(session).await?);
            settle(&mut decoder, rows, &mut asked, &mut types)?;
        }
    }
    types.extend(question.ask(session).await?);
    settle(&mut decoder, rows, &mut asked, &mut types)
}

/// Gives the documents that were asked for their types; both lists are then empty.
fn settle(
    decoder: &mut RowDecoder<'_>,
    rows: &mut [(Key, Row)],
    asked: &mut Vec<(&Open, usize)>,
    types: &mut Vec<NodeType>,
) -> Result<(), Error> {
    let mut rest = types.as_slice();
    for (document, node_count) in asked.drain(..) {
        let (own, after) = rest
            .split_at_checked(node_count)
            .ok_or_else(|| unexpected("a document's nodes have no types"))?;
        rest = after;
        if let Some((_, row)) = rows.get_mut(document.row) {
            *row = decoder.close(row, document.cell, own)?;
        }
    }
    types.clear();
    Ok(())
}

fn column(table: &Table, cell: usize) -> Result<&Column, Error> {
    table.carried_columns().nth(cell).ok_or_else(|| unexpected("a cell has no column"))
}

/// The nodes of one document that are asked for together.
struct Part {
    /// The column, quoted.
    column: String,
    /// The expressions of the nodes' types, each after a comma.
    types: Vec<u8>,
    node_count: usize,
}

impl Part {
    fn new(column: &str) -> Self {
        Self { column: column.to_owned(), types: Vec::new(), node_count: 0 }
    }

    fn push(&mut self, path: &[u8]) {
        self.types.extend_from_slice(b",JSON_TYPE(JSON_EXTRACT(");
        self.types.extend_from_slice(self.column.as_bytes());
        self.types.push(b',');
        text_literal(path, &mut self.types);
        self.types.extend_from_slice(b"))");
        self.node_count += 1;
    }
}

/// A statement that answers a numbered row for each part, with the types of its nodes.
///
/// Parts that follow each other and ask for the same nodes are one `SELECT`, since the server takes
/// ten times as long to parse their paths as to find the rows. Their keys ascend, so that the number
/// of a row in key order is the part's.
struct Question {
    /// ` FROM` the table ` WHERE `.
    place: Vec<u8>,
    /// The key columns, as they are ordered by.
    order: String,
    sql: Vec<u8>,
    /// The expressions of the last `SELECT`.
    types: Vec<u8>,
    /// The rows of the last `SELECT`.
    row_count: usize,
    /// The nodes of each part.
    node_counts: Vec<usize>,
}

impl Question {
    fn new(table: &Table) -> Self {
        Self {
            place: format!(" FROM {} WHERE ", super::from(table)).into_bytes(),
            order: super::order_list(table),
            sql: Vec::new(),
            types: Vec::new(),
            row_count: 0,
            node_counts: Vec::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.sql.len() >= QUESTION_BYTES_MAX
    }

    /// Takes the part's nodes, those of the row that the condition holds for.
    fn push(&mut self, part: &mut Part, condition: &[u8]) {
        if part.node_count == 0 {
            return;
        }
        let is_shared = self.types == part.types && self.row_count < SELECT_ROWS_MAX;
        if !self.sql.is_empty() && is_shared {
            self.row_count += 1;
            self.sql.extend_from_slice(b" OR ");
        } else {
            if !self.sql.is_empty() {
                self.sql.extend_from_slice(b" UNION ALL ");
            }
            let number = self.node_counts.len();
            let order = &self.order;
            let head = format!("SELECT {number}+ROW_NUMBER() OVER (ORDER BY {order})-1 AS part,");
            self.sql.extend_from_slice(head.as_bytes());
            self.sql.extend_from_slice(b"CONCAT_WS(','");
            self.sql.extend_from_slice(&part.types);
            self.sql.extend_from_slice(b") AS types");
            self.sql.extend_from_slice(&self.place);
            std::mem::swap(&mut self.types, &mut part.types);
            self.row_count = 1;
        }
        self.sql.extend_from_slice(condition);
        self.node_counts.push(std::mem::take(&mut part.node_count));
        part.types.clear();
    }

    /// The types of all nodes, in order; the question is then empty.
    async fn ask(&mut self, session: &mut Session) -> Result<Vec<NodeType>, Error> {
        let (sql, node_counts) =
            (std::mem::take(&mut self.sql), std::mem::take(&mut self.node_counts));
        if sql.is_empty() {
            return Ok(Vec::new());
        }
        let sql =
            String::from_utf8(sql).map_err(|_| unexpected("a document's key is not UTF-8"))?;
        let doing = "asking for the types of documents' nodes";
        let mut answers: Vec<Vec<NodeType>> = vec![Vec::new(); node_counts.len()];
        for record in session.query_for(doing, &sql).await? {
            let (part, names) = (record.text("part")?, record.text("types")?);
            let answer = part.parse().ok().and_then(|part: usize| answers.get_mut(part));
            let answer = answer.filter(|answer| answer.is_empty());
            let answer = answer.ok_or_else(|| unexpected("a part was answered twice"))?;
            answer.extend(names.split(',').map(|name| NodeType::named(name.as_bytes())));
        }
        let is_complete =
            answers.iter().zip(&node_counts).all(|(types, &count)| types.len() == count);
        if !is_complete {
            return Err(unexpected("a row that was read is not there any more"));
        }
        Ok(answers.into_iter().flatten().collect())
    }
}
