//! The table at the end of a run, for a terminal.

use comfy_table::{
    CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Row, Table, TableStyle,
};

use super::figures::{cost, count, millis, tokens};
use super::summary::{Summary, Totals};

const HEADER: [&str; 10] = [
    "model",
    "ok",
    "failed",
    "skipped",
    "retries",
    "tokens in",
    "tokens out",
    "cost",
    "p50",
    "p95",
];

/// One thin line below the header, and nothing else.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none());

/// The table by model, without a line end after its last line. A last line sums up where there
/// are several models.
pub fn table(summary: &Summary) -> String {
    let mut lines: Vec<_> =
        summary.by_model.iter().map(|model| line(&model.name(), &model.totals)).collect();
    if summary.by_model.len() > 1 {
        lines.push(line("all", &summary.totals));
    }
    draw(HEADER, lines)
}

/// Lines under a header: the first column is text, the others are numbers.
pub fn draw<const N: usize>(header: [&str; N], lines: Vec<[String; N]>) -> String {
    draw_after(1, header, lines)
}

/// Lines under a header: so many columns are text, and those after them are numbers.
pub fn draw_after<H: Into<Row>, L: Into<Row>>(texts: usize, header: H, lines: Vec<L>) -> String {
    let mut table = laid(header, lines);
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// Lines of text under a header.
pub fn draw_left<const N: usize>(header: [&str; N], lines: Vec<[String; N]>) -> String {
    laid(header, lines).trim_fmt()
}

fn laid<H: Into<Row>, L: Into<Row>>(header: H, lines: Vec<L>) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    // Wide names make the table wide: what is cut off cannot be searched for.
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(lines);
    table
}

fn line(name: &str, totals: &Totals) -> [String; 10] {
    [
        // A label may hold anything; a terminal obeys control characters.
        name.replace(char::is_control, " "),
        count(totals.ok),
        count(totals.error),
        count(totals.skipped),
        count(totals.retries),
        tokens(totals.tokens.prompt_tokens),
        tokens(totals.tokens.completion_tokens),
        cost(totals.cost_usd, totals.unpriced),
        millis(totals.latency_ms.p50),
        millis(totals.latency_ms.p95),
    ]
}
