//! A display form as plain text, for terminals.

use crate::domain::xml::{Element, Limits, Node, XmlError, parse};

/// The text of an XHTML display form: headings on their own lines, paragraphs and breaks as line ends, lists with
/// dashes, cells parted by bars.
///
/// # Errors
/// An [`XmlError`] when it is not well-formed XML within [`Limits::DOCUMENT`].
pub fn plain_text(xhtml: &str) -> Result<String, XmlError> {
    let tree = parse(xhtml.as_bytes(), Limits::DOCUMENT)?;
    let mut page = Page { lines: Vec::new(), open: String::new(), after_heading: false };
    page.element(&tree.root);
    page.end_line();
    let mut text = page.lines.join("\n");
    text.push('\n');
    Ok(text)
}

struct Page {
    lines: Vec<String>,
    open: String,
    after_heading: bool,
}

impl Page {
    fn element(&mut self, element: &Element) {
        let class = element.attribute("class").unwrap_or_default();
        match element.name.as_str() {
            "br" => self.break_line(),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.end_line();
                self.blank();
                self.children(element);
                let title = self.open.trim().to_owned();
                self.end_line();
                if class == "soc-fulltitle" && element.name == "h1" && !title.is_empty() {
                    self.lines.push("=".repeat(title.chars().count()));
                }
                self.after_heading = true;
            }
            "div" | "p" | "table" => {
                self.end_line();
                // A paragraph stands apart, as browsers show it, unless it follows its own heading.
                if class == "soc-footer" || (element.name != "div" && !self.after_heading) {
                    self.blank();
                }
                self.children(element);
                self.end_line();
            }
            "li" => {
                self.end_line();
                self.open.push_str("- ");
                self.children(element);
                self.end_line();
            }
            "tr" => {
                self.end_line();
                self.children(element);
                self.end_line();
            }
            "td" | "th" => {
                if !self.open.is_empty() {
                    self.open.push_str(" | ");
                }
                self.children(element);
            }
            "style" | "script" | "head" => {}
            _ => self.children(element),
        }
    }

    fn children(&mut self, element: &Element) {
        for node in &element.children {
            match node {
                Node::Element(child) => self.element(child),
                Node::Text(text) => self.text(text),
                Node::Comment(_) | Node::Instruction(_) => {}
            }
        }
    }

    /// White space counts as one space, as browsers show it; other control characters could drive a terminal and are dropped.
    fn text(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                if !self.open.is_empty() && !self.open.ends_with(' ') {
                    self.open.push(' ');
                }
            } else if !c.is_control() {
                self.open.push(c);
            }
        }
    }

    fn end_line(&mut self) {
        if !self.open.trim().is_empty() {
            self.lines.push(self.open.trim().to_owned());
            self.after_heading = false;
        }
        self.open.clear();
    }

    fn break_line(&mut self) {
        if self.open.trim().is_empty() {
            self.blank();
        }
        self.end_line();
    }

    /// At most one empty line, and none at the top.
    fn blank(&mut self) {
        if self.lines.last().is_some_and(|l| !l.is_empty()) {
            self.lines.push(String::new());
        }
    }
}
