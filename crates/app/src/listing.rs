//! Listings on standard output, in the form that was asked for.

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use crate::cli::Output;

/// Prints rows. Columns are the fields of the first row, in the order of `columns`.
pub fn print<T: Serialize>(output: Output, columns: &[&str], rows: &[T]) -> Result<()> {
    let rows: Vec<Value> = rows.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    let text = match output {
        Output::Json => format!("{}\n", serde_json::to_string_pretty(&rows)?),
        Output::Jsonl => rows.iter().map(|row| format!("{row}\n")).collect(),
        Output::Csv => csv(columns, &rows),
        Output::Table => table(columns, &rows),
    };
    print_raw(&text);
    Ok(())
}

/// Prints text as it is. Standard output is this program's result; logs go to standard error.
pub fn print_raw(text: &str) {
    use std::io::Write;
    // A reader that has seen enough (`| head`) closes the pipe; that is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn cell(row: &Value, column: &str) -> String {
    match &row[column] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn table(columns: &[&str], rows: &[Value]) -> String {
    let mut lines = vec![columns.iter().map(|column| column.to_uppercase()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect()));
    let width = |index: usize| lines.iter().map(|line| line[index].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<_> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn csv(columns: &[&str], rows: &[Value]) -> String {
    let mut text = format!("{}\r\n", columns.join(","));
    for row in rows {
        let cells: Vec<_> = columns.iter().map(|column| csv_cell(&cell(row, column))).collect();
        text.push_str(&format!("{}\r\n", cells.join(",")));
    }
    text
}

/// RFC 4180, and a quote before what a spreadsheet would take for a formula.
fn csv_cell(text: &str) -> String {
    let guarded = if text.starts_with(['=', '+', '-', '@', '\t']) && text.parse::<f64>().is_err() {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if guarded.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_line_up_and_csv_is_quoted() {
        let rows = [json!({"name": "a, \"b\"", "n": 1}), json!({"name": "=1+1", "n": -2})];
        assert_eq!(csv(&["name", "n"], &rows), "name,n\r\n\"a, \"\"b\"\"\",1\r\n'=1+1,-2\r\n");
        assert_eq!(table(&["n", "name"], &rows), "N   NAME\n1   a, \"b\"\n-2  =1+1\n");
    }
}
