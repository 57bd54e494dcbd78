//! The strict reader against rows of good and bad texts, and against `serde_json` where the two must agree.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::{JsonError, check, from_slice};
use crate::limits::{JSON_BYTES_MAX, JSON_DEPTH_MAX, JSON_MEMBERS_MAX};

fn fault(text: &str) -> Option<JsonError> {
    check(text).err()
}

#[test]
fn check_takes_one_object() {
    for taken in [
        "{}",
        r#"{"a":1,"b":{"a":[1,{"a":null}]},"c":"\u0061"}"#,
        " {\"a\" : 1.5e3 , \"b\":[ ] ,\"c\":{ } }\r\n\t",
        r#"{"":0}"#,
        r#"{"a":-0,"b":0.0,"c":1E+2,"d":1e-2,"e":[true,false,null,"",[]]}"#,
        r#"{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 é 漢 😀"}"#,
        r#"{"a":1e308,"b":1e-400,"c":123456789012345678901234567890}"#,
    ] {
        assert_eq!(fault(taken), None, "{taken}");
    }
}

#[test]
fn check_refuses_what_is_malformed_and_says_where() {
    let refused = [
        ("", 0),
        (" ", 1),
        ("{", 1),
        ("{}}", 2),
        ("{} {}", 3),
        ("{\"a\":NaN}", 5),
        ("{\"a\":Infinity}", 5),
        ("{\"a\":-Infinity}", 6),
        ("{'a':1}", 1),
        ("{a:1}", 1),
        ("{\"a\"}", 4),
        ("{\"a\" 1}", 5),
        ("{\"a\":}", 5),
        ("{\"a\":1,}", 7),
        ("{,}", 1),
        ("{\"a\":1 \"b\":2}", 7),
        ("{\"a\":01}", 6),
        ("{\"a\":+1}", 5),
        ("{\"a\":.5}", 5),
        ("{\"a\":1.}", 7),
        ("{\"a\":1e}", 7),
        ("{\"a\":-}", 6),
        ("{\"a\":1e400}", 5),
        ("{\"a\":-1e400}", 5),
        ("{\"a\":0x1}", 6),
        ("{\"a\":\"\n\"}", 6),
        ("{\"a\":\"\0\"}", 6),
        ("{\"a\":\"b}", 8),
        ("{\"a\":\"\\x\"}", 7),
        ("{\"a\":\"\\u12g4\"}", 8),
        ("{\"a\":\"\\ud800\"}", 12),
        ("{\"a\":\"\\ud800\\n\"}", 13),
        ("{\"a\":\"\\ud800\\u0061\"}", 18),
        ("{\"a\":\"\\udc00\"}", 12),
        ("{\"\\ud800\":1}", 8),
        ("\u{feff}{}", 0),
        ("{\"a\":tru}", 5),
        ("{\"a\":True}", 5),
        ("{\"a\":1}x", 7),
        ("{// x\n}", 1),
        ("{\"a\":[1,]}", 8),
        ("{\"a\":[1}", 7),
        ("{\"a\":[1 2]}", 8),
        ("[1,]", 3),
    ];
    for (text, at) in refused {
        let fault = fault(text);
        assert!(
            matches!(fault, Some(JsonError::Malformed { at: found, .. }) if found == at),
            "{text:?}: {fault:?}"
        );
    }
    let long = format!("{{\"a\":{}}}", "9".repeat(400));
    assert!(matches!(fault(&long), Some(JsonError::Malformed { at: 5, .. })));
    assert_eq!(from_slice::<Json>(b"{\"a\":\"\xff\"}").err(), Some(JsonError::NotUtf8));
}

#[test]
fn check_refuses_what_is_no_object() {
    for (text, kind) in [
        ("null", "null"),
        ("1", "a number"),
        ("true", "a boolean"),
        ("\"x\"", "a string"),
        ("[]", "an array of strings"),
        ("[{}]", "an array"),
    ] {
        assert_eq!(fault(text), Some(JsonError::NotAnObject(kind)), "{text}");
    }
}

#[test]
fn check_refuses_duplicate_members_at_any_depth_in_any_spelling() {
    let refused = [
        (r#"{"alg":"none","alg":"RS256"}"#, "alg"),
        (r#"{"alg":1,"\u0061lg":2}"#, "alg"),
        (r#"{"\u0061lg":1,"alg":2}"#, "alg"),
        (r#"{"\u0061lg":1,"a\u006cg":2}"#, "alg"),
        (r#"{"a":{"b":1,"c":2,"b":3}}"#, "b"),
        (r#"{"a":[[{"x":1,"x":1}]]}"#, "x"),
        (r#"{"":1,"":2}"#, ""),
        (r#"{"a/b":1,"a\/b":2}"#, "a/b"),
        (r#"{"😀":1,"\ud83d\ude00":2}"#, "😀"),
    ];
    for (text, name) in refused {
        assert_eq!(fault(text), Some(JsonError::DuplicateMember(name.to_owned())), "{text}");
    }
    let many: Vec<String> = (0..40).map(|n| format!("\"m{n}\":0")).collect();
    for twice in ["m0", "m15", "m16", "m39"] {
        let text = format!("{{{},\"{twice}\":1}}", many.join(","));
        assert_eq!(fault(&text), Some(JsonError::DuplicateMember(twice.to_owned())));
    }
}

#[test]
fn check_refuses_names_that_reshape_objects() {
    for name in
        ["$serde_json::private::Number", "$serde_json::private::RawValue", "$serde_json\\u003a:private::x"]
    {
        let text = format!("{{\"a\":{{\"{name}\":\"1\"}}}}");
        assert!(matches!(fault(&text), Some(JsonError::ReservedMember(_))), "{text}");
    }
    assert_eq!(fault(r#"{"$serde_json":1,"$ref":2}"#), None);
}

#[test]
fn check_bounds_nesting_at_the_limit_and_one_past_it() {
    let nested = |depth: usize| format!("{}{}", "{\"a\":".repeat(depth - 1) + "{", "}".repeat(depth));
    assert_eq!(fault(&nested(JSON_DEPTH_MAX)), None);
    assert_eq!(fault(&nested(JSON_DEPTH_MAX + 1)), Some(JsonError::TooDeep));
    let texts = |depth: usize| format!("{{\"a\":{}[\"x\"]{}}}", "[".repeat(depth - 2), "]".repeat(depth - 2));
    assert_eq!(fault(&texts(JSON_DEPTH_MAX)), None);
    assert_eq!(fault(&texts(JSON_DEPTH_MAX + 1)), Some(JsonError::TooDeep));
    assert_eq!(fault(&format!("{{\"a\":{}", "[".repeat(100_000))), Some(JsonError::TooDeep));
    assert_eq!(fault(&"[".repeat(100_000)), Some(JsonError::TooDeep));
}

#[test]
fn check_bounds_members_at_the_limit_and_one_past_it() {
    let object = |members: usize| {
        let members: Vec<String> = (0..members).map(|n| format!("\"m{n}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert_eq!(fault(&object(JSON_MEMBERS_MAX)), None);
    assert_eq!(fault(&object(JSON_MEMBERS_MAX + 1)), Some(JsonError::TooManyMembers));
}

#[test]
fn text_past_its_limit_is_refused_for_its_size() {
    let spaced = |bytes: usize| from_slice::<Json>(format!("{{}}{}", " ".repeat(bytes - 2)).as_bytes());
    assert_eq!(spaced(JSON_BYTES_MAX).err(), None);
    assert_eq!(spaced(JSON_BYTES_MAX + 1).err(), Some(JsonError::TooLarge { bytes: JSON_BYTES_MAX + 1 }));
    let malformed = vec![b'['; JSON_BYTES_MAX + 1];
    assert_eq!(from_slice::<Json>(&malformed).err(), Some(JsonError::TooLarge { bytes: JSON_BYTES_MAX + 1 }));
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Plan {
    Free,
    Seats(u32),
    Range(u8, u8),
    Team { name: String },
}

#[derive(Debug, PartialEq, Deserialize)]
struct Shape {
    text: Option<String>,
    number: Option<f64>,
    whole: Option<u64>,
    signed: Option<i64>,
    large: Option<u128>,
    list: Option<Vec<u8>>,
    pair: Option<(u8, String)>,
    plan: Option<Plan>,
    by_number: Option<BTreeMap<u32, bool>>,
    by_name: Option<BTreeMap<String, Json>>,
    unit: Option<()>,
    letter: Option<char>,
    #[serde(flatten)]
    rest: BTreeMap<String, Json>,
}

/// Reads what `serde_json` reads, and refuses what it refuses.
#[test]
fn types_read_as_with_serde_json() {
    let texts = [
        "{}",
        r#"{"text":"a\u00e9\ud83d\ude00\/\"","number":1.5,"whole":18446744073709551615,"signed":-5}"#,
        r#"{"text":null,"number":3,"whole":0,"signed":9223372036854775807,"large":123456789012345678901234567890}"#,
        r#"{"list":[1,2,255],"pair":[1,"x"],"letter":"é","unit":null}"#,
        r#"{"plan":"free"}"#,
        r#"{"plan":{"seats":5}}"#,
        r#"{"plan":{"range":[1,2]}}"#,
        r#"{"plan":{"team":{"name":"a"}}}"#,
        r#"{"plan":{"free":null}}"#,
        r#"{"by_number":{"1":true,"42":false},"by_name":{"a":{"b":[1,-2,3.5,{}]},"\u0062":null}}"#,
        r#"{"extra":[{"deep":[[]]}],"more":"x","number":-0.0}"#,
        r#"{"number":123456789012345678901234567890}"#,
        r#"{"text":1}"#,
        r#"{"whole":-1}"#,
        r#"{"whole":1.0}"#,
        r#"{"list":[1,256]}"#,
        r#"{"list":{"a":1}}"#,
        r#"{"pair":[1]}"#,
        r#"{"pair":[1,"x",2]}"#,
        r#"{"plan":"paid"}"#,
        r#"{"plan":{"free":null,"seats":1}}"#,
        r#"{"plan":{"seats":"x"}}"#,
        r#"{"plan":{"range":[1,2,3]}}"#,
        r#"{"plan":{}}"#,
        r#"{"plan":1}"#,
        r#"{"by_number":{"x":true}}"#,
        r#"{"by_number":{"01":true}}"#,
        r#"{"by_number":{"+1":true}}"#,
        r#"{"by_number":{"-0":true}}"#,
        r#"{"by_number":{"1":true,"01":false}}"#,
        r#"{"letter":"ab"}"#,
        r#"{"unit":0}"#,
    ];
    for text in texts {
        let (ours, theirs) = (from_slice::<Shape>(text.as_bytes()), serde_json::from_str::<Shape>(text));
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{text}"),
            (Err(JsonError::Shape(_)), Err(_)) => {}
            (ours, theirs) => panic!("{text}: {ours:?} and {theirs:?}"),
        }
    }
}

#[test]
fn strings_without_escapes_are_borrowed() {
    #[derive(Debug, Deserialize)]
    struct Borrowed<'a> {
        name: &'a str,
        #[serde(borrow)]
        list: Vec<&'a str>,
    }
    let text = r#"{"name":"tenant","list":["a","b"]}"#;
    let borrowed: Borrowed<'_> = from_slice(text.as_bytes()).unwrap();
    assert!(text.as_bytes().as_ptr_range().contains(&borrowed.name.as_ptr()));
    assert_eq!(borrowed.list, ["a", "b"]);
    let escaped = from_slice::<Borrowed<'_>>(br#"{"name":"ten\u0061nt","list":[]}"#);
    assert!(matches!(escaped, Err(JsonError::Shape(_))), "{escaped:?}");
}

/// A text that is altered in one byte is read as `serde_json` reads it, or refused for a reason that it does not know.
#[test]
fn altered_texts_are_judged_as_by_serde_json() {
    let text = r#"{"a":[1,-2.5e3,"x\u0041\n",{"b":null}],"c":{"d":true,"e":false},"f":"é\ud83d\ude00"}"#;
    let mut agreed = 0;
    for at in 0..text.len() {
        for byte in 0..=127 {
            let mut altered = text.as_bytes().to_vec();
            altered[at] = byte;
            let Ok(altered) = String::from_utf8(altered) else { continue };
            let (ours, theirs) = (fault(&altered), serde_json::from_str::<BTreeMap<String, Json>>(&altered));
            match ours {
                None => assert!(theirs.is_ok(), "{altered}"),
                Some(JsonError::DuplicateMember(_)) => {}
                Some(_) => assert!(theirs.is_err(), "{altered}"),
            }
            agreed += 1;
        }
    }
    assert!(agreed > 5000, "{agreed} texts were compared");
}
