//! What is read and written reads the same again, whatever it says.

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::code::Language;
use asiasilta::domain::document::Document;
use asiasilta::domain::document::header::{DocumentGroup, Header};
use asiasilta::domain::document::read::read;
use asiasilta::domain::environment::Environment;
use asiasilta::domain::person::{Client, PersonName};
use asiasilta::domain::signature::{ExpectedSigner, SignatureKind, Trust, TrustPolicy, c14n, verify};
use asiasilta::domain::structure::Registry;
use asiasilta::domain::validate::Checker;
use asiasilta::domain::xml::{Attribute, Element, Limits, Node, Offset, Tree, parse};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{
    NOW, SYSTEM, at, case_document_header, client, client_document_header, full_header, identity_code, oid,
    relationship_document_header, second_version_header, signed,
};

/// Any text: what XML escapes, what it does not allow, white space, and characters of all planes.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        '<',
        '>',
        '&',
        '"',
        '\'',
        '\r',
        '\n',
        '\t',
        ' ',
        ']',
        '-',
        '\0',
        '\u{1}',
        '\u{ffff}',
        '\u{1f600}',
        'ä',
    ]);
    prop::collection::vec(prop_oneof![special, any::<char>()], 1..12).prop_map(|c| c.into_iter().collect())
}

/// What XML can carry of a text.
fn carried(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect()
}

fn name(text: &str, calling: bool) -> PersonName {
    let given = vec![text.to_owned(), format!("{text}-{text}")];
    PersonName { family: format!("x{text}"), given, calling: calling.then(|| text.to_owned()) }
}

fn any_header() -> impl Strategy<Value = Header> {
    let bases: [fn() -> Header; 5] = [
        client_document_header,
        relationship_document_header,
        second_version_header,
        case_document_header,
        full_header,
    ];
    let base = prop::sample::select(bases.to_vec());
    (base, any_text(), 1usize..4, any::<bool>(), any::<bool>(), 2u32..9).prop_map(
        |(base, text, n, swedish, flag, version)| {
            let mut header = base();
            header.language = if swedish { Language::Sv } else { Language::Fi };
            header.special_content = flag;
            header.clients = (0..n)
                .map(|at| Client {
                    identity_code: Some(identity_code(&format!("0{}0190-90{at}", at + 1)).parse().unwrap()),
                    name: name(&text, flag),
                    ..client()
                })
                .collect();
            header.organiser.name = text.clone();
            header.unit.name = format!("{text} y");
            header.software.product = text.clone();
            header.retention_class.display = Some(text.clone());
            if let Some((_, reason)) = &mut header.replaces {
                *reason = format!("x{text}");
                header.ids.version = version;
                header.ids.document = oid(&format!("1.2.246.10.99999992.95.2026.1.{}", version + 10));
            }
            header
        },
    )
}

/// A document of this header whose display form and content say this text.
fn document_saying(header: Header, text: &str) -> Document {
    let id = &header.ids.document;
    let form = Element::new("http://www.w3.org/1999/xhtml", "div").with("id", format!("OID{id}")).text(text).to_xml();
    let content = match &header.relationship {
        Some(id) => serde_json::json!({"a": {"asiakkuuden_yksilointitunnus": {"value": id.as_str()}, "t": text}}),
        None => serde_json::json!({"a": {"t": text}}),
    };
    Document::assemble(header, form, content.to_string())
}

fn same_name(read: Option<&PersonName>, written: &PersonName) -> bool {
    let carried = |text: &String| carried(text).trim().to_owned();
    read.is_some_and(|read| {
        read.family == carried(&written.family)
            && read.given == written.given.iter().map(carried).collect::<Vec<_>>()
            && read.calling == written.calling.as_ref().map(carried)
    })
}

/// Elements and attributes of a few names and namespaces, and every kind of node.
fn any_element() -> impl Strategy<Value = Element> {
    let leaf = element_of(Just(Vec::new()).boxed());
    leaf.prop_recursive(4, 24, 4, |inner| {
        let text = any_text().prop_map(Node::Text);
        let comment = "[a-zä<&]{0,8}".prop_map(Node::Comment);
        let instruction = "[a-wyz][a-z<&]{0,5}".prop_map(Node::Instruction);
        let node = prop_oneof![inner.prop_map(Node::Element), text, comment, instruction];
        element_of(prop::collection::vec(node, 0..5).boxed())
    })
}

fn element_of(children: BoxedStrategy<Vec<Node>>) -> BoxedStrategy<Element> {
    let prefix = || prop::sample::select(vec!["", "p", "q", "hl7fi"]);
    let name = || prop::sample::select(vec!["a", "b", "nonXMLBody", "ä-1.x"]);
    let attributes = prop::collection::btree_map((prefix(), name()), any_text(), 0..4);
    (prefix(), name(), 0u8..3, attributes, children)
        .prop_map(|(prefix, name, world, attributes, children)| {
            // One prefix means one namespace within an element, and different ones in different elements.
            let uri = |prefix: &str| {
                if prefix.is_empty() && world == 0 { String::new() } else { format!("urn:{world}:{prefix}") }
            };
            let attributes = attributes.into_iter().map(|((prefix, name), value)| Attribute {
                namespace: if prefix.is_empty() { "".into() } else { uri(prefix).into() },
                prefix: prefix.into(),
                name: name.into(),
                value,
                at: Offset::default(),
            });
            let element = Element::new(&uri(prefix), name);
            Element { prefix: prefix.into(), attributes: attributes.collect(), children, ..element }
        })
        .boxed()
}

/// The tree with what XML cannot carry replaced.
fn carried_element(element: &Element) -> Element {
    let mut out = element.clone();
    for attribute in &mut out.attributes {
        attribute.value = carried(&attribute.value);
    }
    for node in &mut out.children {
        match node {
            Node::Element(child) => *child = carried_element(child),
            Node::Text(text) => *text = carried(text),
            Node::Comment(_) | Node::Instruction(_) => {}
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_document_is_read_as_it_was_written_and_written_as_it_was_read(header in any_header(), text in any_text()) {
        let document = document_saying(header.clone(), &carried(&text));
        let xml = document.unsigned_xml();
        let read = read(xml.as_bytes()).unwrap();
        prop_assert!(read.findings.is_empty(), "{:?}", read.findings);
        prop_assert!(read.tree().to_xml() == xml);

        let said = &read.header;
        prop_assert!(said.document.as_ref() == Some(&header.ids.document) && said.set.as_ref() == Some(&header.ids.set));
        prop_assert!(said.version == Some(header.ids.version) && said.group == Some(header.group));
        prop_assert!(said.language == Some(header.language) && said.special_content == Some(header.special_content));
        prop_assert_eq!(said.clients.len(), header.clients.len());
        for (read, written) in said.clients.iter().zip(&header.clients) {
            prop_assert!(read.ids == written.id().into_iter().collect::<Vec<_>>());
            prop_assert!(same_name(read.name.as_ref(), &written.name));
        }
        prop_assert!(said.organiser.as_ref().is_some_and(|o| o.name == carried(&header.organiser.name).trim()));
        prop_assert!(said.unit.as_ref().is_some_and(|u| u.name == carried(&header.unit.name).trim()));
        prop_assert!(said.software.as_ref().is_some_and(|s| s.product == carried(&header.software.product)));
        let retention = said.retention_class.as_ref().and_then(|c| c.display.as_deref());
        prop_assert!(retention == header.retention_class.display.as_deref().map(carried).as_deref());
        prop_assert!(said.replaces.as_ref() == header.replaces.as_ref().map(|(id, _)| id));
        let reason = header.replaces.as_ref().map(|(_, reason)| carried(reason).trim().to_owned());
        prop_assert!(said.correction_text == reason);
        let grounds = header.guardian_disclosure.as_ref();
        prop_assert!(said.consents.first() == grounds.map(|g| &g.decision));
        prop_assert!(said.restriction_argument == grounds.and_then(|g| g.grounds.clone()));
        prop_assert!(said.inaccessible_argument == header.withheld_from_client);
        prop_assert!(said.author.is_some() == (header.group != DocumentGroup::Relationship));
        prop_assert!(read.display.as_deref() == Some(document.display()));
        prop_assert!(read.content() == serde_json::from_str(document.content_json()).ok().as_ref());
    }

    #[test]
    fn any_tree_reads_as_it_was_written_and_is_written_as_it_was_read(root in any_element()) {
        let text = Tree { prolog: vec![Node::Comment("k".into())], root: root.clone() }.to_xml();
        let tree = parse(text.as_bytes(), Limits::DOCUMENT).unwrap();
        prop_assert!(tree.to_xml() == text);
        prop_assert!(parse(tree.to_xml().as_bytes(), Limits::DOCUMENT).unwrap() == tree);
        // Canonical form says everything of a tree but its comments and where namespaces are declared.
        prop_assert_eq!(c14n::canonical(&tree.root), c14n::canonical(&carried_element(&root)));
    }

    #[test]
    fn no_change_of_a_documents_parts_makes_reading_judging_or_verifying_panic(
        changes in prop::collection::vec((any::<Index>(), any::<Index>(), 0u8..5, any_text()), 1..6),
    ) {
        let bytes = signed(client_document_header(), SignatureKind::System).into_parts().1;
        let mut tree = parse(&bytes, Limits::DOCUMENT).unwrap();
        for (at, other, kind, text) in changes {
            let count = tree.root.descendants().count();
            let copy = tree.root.descendants().nth(other.index(count)).unwrap().clone();
            change(&mut tree.root, &mut at.index(count), kind, &text, &copy);
        }
        let Ok(read) = read(tree.to_xml().as_bytes()) else { return Ok(()) };
        let trust = Trust::Pinned(vec![SYSTEM.certificate_der()]);
        let policy = TrustPolicy { trust, system_signer: ExpectedSigner::Anyone, now: at(NOW) };
        drop(verify(read.tree(), &OpensslCrypto, &policy));
        let checker = Checker::new(Registry::reduced().into(), Environment::Test);
        for structure in checker.structures().iter() {
            drop(read.content().map(|content| checker.content(structure, content)));
        }
    }
}

/// Changes the element that is `left` elements away: another text, an attribute more, none, a copy of another element inside, or
/// nothing inside.
fn change(element: &mut Element, left: &mut usize, kind: u8, text: &str, copy: &Element) -> bool {
    if *left == 0 {
        match kind {
            0 => element.children = vec![Node::Text(text.to_owned())],
            1 => element.attributes.iter_mut().for_each(|a| a.value = text.to_owned()),
            2 => element.attributes.clear(),
            3 => element.children.push(Node::Element(copy.clone())),
            _ => element.children.clear(),
        }
        return true;
    }
    *left -= 1;
    element.children.iter_mut().any(|node| match node {
        Node::Element(child) => change(child, left, kind, text, copy),
        _ => false,
    })
}

#[test]
fn an_empty_text_is_written_once_and_then_stays_as_it_is() {
    let built = Element::new("u", "a").child(Element::new("u", "b").text("")).to_xml();
    assert_eq!(built, "<a xmlns=\"u\"><b></b></a>");
    let read = parse(built.as_bytes(), Limits::DOCUMENT).unwrap();
    assert_eq!(read.root.to_xml(), "<a xmlns=\"u\"><b/></a>");
    assert!(parse(read.to_xml().as_bytes(), Limits::DOCUMENT).unwrap() == read);
}

#[test]
fn unknown_elements_attributes_comments_and_instructions_are_kept() {
    let xml = document_saying(client_document_header(), "x").unsigned_xml();
    let strange = "<!-- k --><x:new xmlns:x=\"urn:new\" x:a=\"1\">t<?p i?></x:new><setId new=\"a&#xA;b\" ";
    let changed = xml.replacen("<setId ", strange, 1);
    let read = read(changed.as_bytes()).unwrap();
    assert!(read.findings.is_empty(), "{:?}", read.findings);
    assert_eq!(read.tree().to_xml(), changed);
}
