//! A list of like groups as a table: a row for each, a column for each field that one of them has.

use serde_json::{Map, Value};

use super::safety::Whereabouts;
use super::{Page, html};
use crate::domain::structure::{Field, Representation};
use crate::domain::xml::Element;

/// More columns than this do not fit a printed page.
const COLUMNS_MAX: usize = 6;
/// Longer texts, in characters, are read better as lines.
const CELL_CHARACTERS_MAX: usize = 60;

/// The table, when these groups read well as one: several, of values alone, few and short.
pub(super) fn table(page: Page, field: &Field, groups: &[&Map<String, Value>]) -> Option<Element> {
    let is_leaf = |f: &Field| f.representation() != Representation::Group;
    if groups.len() < 2 || !field.fields().iter().all(is_leaf) {
        return None;
    }
    let mut rows = Vec::with_capacity(groups.len());
    for group in groups {
        // A row's own ban may keep a column back from it alone.
        rows.push(cells(page, page.whereabouts.inside(field, group), field, group)?);
    }
    let shown = |column: usize| rows.iter().any(|row| row.get(column).is_some_and(|text| !text.is_empty()));
    let columns: Vec<usize> = (0..field.fields().len()).filter(|column| shown(*column)).collect();
    if !(2..=COLUMNS_MAX).contains(&columns.len()) {
        return None;
    }
    let head = columns.iter().filter_map(|column| field.fields().get(*column));
    let head = html("tr").children(head.map(|f| html("th").with("scope", "col").text(f.name(page.language))));
    let body = rows.into_iter().map(|mut row| {
        let texts = columns.iter().filter_map(|column| row.get_mut(*column).map(std::mem::take)).collect::<Vec<_>>();
        html("tr").children(texts.into_iter().map(|text| html("td").text(text)))
    });
    Some(html("table").child(html("thead").child(head)).child(html("tbody").children(body)))
}

/// The texts of one row, one for each field; `None` when one of them is better read as lines.
fn cells(page: Page, whereabouts: Whereabouts, field: &Field, group: &Map<String, Value>) -> Option<Vec<String>> {
    let cell = |column: &Field| {
        let value = group.get(column.key()).filter(|_| !whereabouts.leave_out(column));
        let text = value.map(|v| page.texts(column, v).join(", ")).unwrap_or_default();
        (!text.contains('\n') && text.chars().count() <= CELL_CHARACTERS_MAX).then_some(text)
    };
    field.fields().iter().map(cell).collect()
}
