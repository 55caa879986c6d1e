//! A list of like groups as a table: a row for each, a column for each field that one of them has.

use serde_json::{Map, Value};

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
    let used = |f: &&Field| groups.iter().any(|g| g.contains_key(f.key()));
    let columns: Vec<&Field> = field.fields().iter().filter(used).collect();
    if !(2..=COLUMNS_MAX).contains(&columns.len()) {
        return None;
    }
    let mut rows = Vec::with_capacity(groups.len());
    for group in groups {
        // A row's own ban may keep a column back from it alone.
        let whereabouts = page.whereabouts.inside(field, group);
        let mut row = html("tr");
        for column in &columns {
            let value = group.get(column.key()).filter(|_| !whereabouts.leave_out(column));
            let text = value.map(|v| page.texts(column, v).join(", ")).unwrap_or_default();
            if text.contains('\n') || text.chars().count() > CELL_CHARACTERS_MAX {
                return None;
            }
            row = row.child(html("td").text(text));
        }
        rows.push(row);
    }
    let head = columns.iter().map(|c| html("th").with("scope", "col").text(c.name(page.language)));
    let head = html("thead").child(html("tr").children(head));
    Some(html("table").child(head).child(html("tbody").children(rows)))
}
