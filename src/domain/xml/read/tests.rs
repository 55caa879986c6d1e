#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn read(text: &str) -> Result<Tree, XmlError> {
    parse(text.as_bytes(), Limits::DOCUMENT)
}

#[test]
fn names_are_resolved_and_text_is_joined() {
    let tree = read("<?xml version='1.0'?><!--a--><p:a xmlns:p='u' xmlns='d' p:x='1' y='a&#10;b\tc'>t&amp;<![CDATA[<]]>\r\n<b/></p:a>").unwrap();
    assert!(tree.root.is("u", "a"));
    assert_eq!(tree.root.attribute("y"), Some("a\nb c"));
    assert!(tree.root.first_in("d", "b").is_some());
    assert_eq!(tree.root.all_text(), "t&<\n");
}

#[test]
fn doctype_entities_and_excess_are_refused_by_name() {
    assert_eq!(read("<!DOCTYPE a><a/>").err(), Some(XmlError::Doctype));
    assert_eq!(read("<a>&x;</a>").err(), Some(XmlError::Entity));
    assert_eq!(read("<a b='&x;'/>").err(), Some(XmlError::Entity));
    assert_eq!(read("<p:a/>").err(), Some(XmlError::UnboundPrefix));
    let deep = "<a>".repeat(65) + &"</a>".repeat(65);
    assert_eq!(read(&deep).err(), Some(XmlError::TooMuch { what: "levels", limit: 64 }));
    let wide = format!("<a {}/>", (0..33).map(|i| format!("a{i}='' ")).collect::<String>());
    assert_eq!(read(&wide).err(), Some(XmlError::TooMuch { what: "attributes", limit: 32 }));
    let small = Limits { bytes_max: 3, ..Limits::DOCUMENT };
    assert_eq!(parse(b"<a/>", small).err(), Some(XmlError::TooMuch { what: "bytes", limit: 3 }));
}

#[test]
fn long_values_long_text_and_many_declarations_are_refused_by_name() {
    let limits = Limits { attribute_bytes_max: 3, text_bytes_max: 3, declarations_max: 4, ..Limits::DOCUMENT };
    let refused = |text: &str| match parse(text.as_bytes(), limits).err() {
        Some(XmlError::TooMuch { what, .. }) => what,
        _ => "nothing",
    };
    for (text, what) in [
        ("<a b='123'>123</a>", "nothing"),
        ("<a b='1234'/>", "bytes of an attribute"),
        ("<a>1234</a>", "bytes of text"),
        ("<a>12&amp;4</a>", "bytes of text"),
        ("<a>12<![CDATA[34]]></a>", "bytes of text"),
        ("<a xmlns:p='u'><b xmlns:q='u'/><b xmlns:q='u'/></a>", "nothing"),
        ("<a xmlns:p='u'><b xmlns:q='u' xmlns:r='u'/></a>", "namespace declarations"),
    ] {
        assert_eq!(refused(text), what, "{text}");
    }
    let many = format!("<a>{}</a>", "<b/>".repeat(Limits::DOCUMENT.elements_max));
    assert_eq!(read(&many).err(), Some(XmlError::TooMuch { what: "elements", limit: 100_000 }));
}

#[test]
fn characters_that_xml_does_not_have_are_refused_as_they_are_and_as_references() {
    for bad in ["&#0;", "&#1;", "&#xB;", "&#xFFFE;", "&#xD800;", "&#x110000;", "&#x;", "\u{1}", "\u{ffff}"] {
        for text in [format!("<a>{bad}</a>"), format!("<a b='{bad}'/>")] {
            assert_eq!(read(&text).err(), Some(XmlError::Character), "{text:?}");
        }
    }
    for good in ["&#9;", "&#xA;", "&#x1F600;", "\u{feff}", "\u{fffd}", "\u{1f600}", "\u{7f}"] {
        assert!(read(&format!("<a b='{good}'>{good}</a>")).is_ok(), "{good:?}");
    }
    let late = format!("<a>{}\u{fffe}</a>", "ä".repeat(5000));
    assert_eq!(parse_placed(late.as_bytes(), Limits::DOCUMENT).err().unwrap().at, 10_003);
}

#[test]
fn every_element_and_attribute_knows_where_it_stood() {
    let text = "\u{feff}<?xml version='1.0'?>\n<a>\n <p:b xmlns:p='u' ä='1'\n  p:y='2'/>\n <c/><c z='3'/></a>";
    let tree = read(text).unwrap();
    for (path, there) in [
        ("/a", "<a>"),
        ("/a/b", "<p:b"),
        ("/a/p:b/@y", "p:y="),
        ("/a/b/@ä", "ä='1'"),
        ("/a/c", "<c/>"),
        ("/a/c[2]/@z", "z='3'"),
        ("/a/c[3]/d", "<a>"),
        ("/a/b/@none", "<p:b"),
        ("/other", "<a>"),
    ] {
        assert!(text[tree.offset_of(path).unwrap()..].starts_with(there), "{path}");
    }
    assert!(read("<a  b='1'  ><c/></a>").unwrap() == read("<a b='1'><c/></a>").unwrap());
}

#[test]
fn an_error_says_where_it_is() {
    for (text, there) in [
        ("<a>\n<!DOCTYPE b></a>", "<!DOCTYPE"),
        ("<a><b>&x;</b></a>", "&x;"),
        ("<a><b c='1' c='2'/></a>", "<b"),
        ("<a><p:b/></a>", "<p:b"),
        ("<a/>\n<b/>", "<b/>"),
    ] {
        let misread = parse_placed(text.as_bytes(), Limits::DOCUMENT).err().unwrap();
        assert!(text[misread.at..].starts_with(there), "{text}: {misread:?}");
    }
    assert_eq!(parse_placed(b"<a>", Limits::DOCUMENT).err().unwrap().at, 3);
    assert_eq!(parse_placed(b"<a>\xff", Limits::DOCUMENT).err().unwrap().at, 3);
}

#[test]
fn what_no_other_reader_takes_is_not_taken_here() {
    for bad in [
        "<a>&#1;</a>",
        "<a>\u{1}</a>",
        "<a>]]></a>",
        "<1a/>",
        "<a:b:c xmlns:a='x'/>",
        "<:a/>",
        "<a b='1'c='2'/>",
        "<a\u{a0}b='1'/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xml='x'/>",
        "<![CDATA[]]><a/>",
        "<a/>\u{a0}",
        "<a><?xml version='1.0'?></a>",
        "<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
        "<?xml version='1.1'?><a/>",
    ] {
        assert!(read(bad).is_err(), "{bad:?}");
    }
    assert!(read("<?xml version='1.0' encoding='utf-8'?><a\n b='1'\tc='2'/>").is_ok());
}

#[test]
fn many_comments_are_refused_and_a_long_name_is_kept_once() {
    let comments = format!("<a>{}</a>", "<!---->".repeat(10_001));
    let limit = Limits::DOCUMENT.asides_max;
    assert_eq!(read(&comments).err(), Some(XmlError::TooMuch { what: "comments and instructions", limit }));
    let uri = "u".repeat(1024);
    let tree = read(&format!("<p:a xmlns:p='{uri}'>{}</p:a>", "<p:b/>".repeat(1000))).unwrap();
    let shared = |e: &Element| e.namespace.as_ptr() == tree.root.namespace.as_ptr();
    assert!(tree.root.elements().all(shared));
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for bad in [
        "",
        "a",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>x",
        "<a b='1' b='2'/>",
        "<a b=1/>",
        "<a b='<'/>",
        "<a><!-- -- --></a>",
        "</a>",
        "<a",
        "<1/>",
        "<a:b:c xmlns:a='u'/>",
        "<:a/>",
        "<a 1='2'/>",
        "<a xmlns:p=''/>",
        "<a xmlns:p='u' xmlns:p='u'/>",
        "<a xmlns:xml='u'/>",
        "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
        "<a><?xml version='1.0'?></a>",
        "<a><!-- ---></a>",
    ] {
        assert!(matches!(read(bad).err(), Some(XmlError::Malformed { .. })), "{bad}");
    }
    assert_eq!(parse(b"<a>\xff</a>", Limits::DOCUMENT).err(), Some(XmlError::NotUtf8));
}
