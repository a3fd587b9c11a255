//! XML-RPC and JSON.

use dxr::Value;
use serde_json::{Value as Json, json};

use super::super::wire::{Answer, Fault, call, json as to_json, parse, value};

fn answer(value: &str) -> Json {
    let body = format!(
        "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value>{value}</value>\n</param>\n</params>\n</methodResponse>\n"
    );
    match parse(&body) {
        Ok(Answer::Value(value)) => value,
        other => panic!("{value}: {other:?}"),
    }
}

#[test]
fn values_keep_what_they_say() {
    assert_eq!(answer("<boolean>0</boolean>"), json!(false));
    assert_eq!(answer("<int>-7</int>"), json!(-7));
    assert_eq!(answer("<i8>3000000000</i8>"), json!(3_000_000_000_i64));
    assert_eq!(answer("<double>1e-05</double>"), json!(1e-5));
    assert_eq!(answer("<double>9007199254740992.0</double>"), json!(9_007_199_254_740_992.0));
    assert_eq!(answer("<double>25.95</double>").to_string(), "25.95");
    assert_eq!(answer("<nil/>"), Json::Null);
    assert_eq!(answer("<string></string>"), json!(""));
    assert_eq!(answer("<string/>"), json!(""));
    assert_eq!(answer(""), json!(""));
    assert_eq!(answer("no type"), json!("no type"));
    assert_eq!(answer("<string>  kept  </string>"), json!("  kept  "));
    assert_eq!(answer("<string> </string>"), json!(" "));
    assert_eq!(answer("<string>a\r\nb\tc</string>"), json!("a\nb\tc"));
    assert_eq!(
        answer("<string>&lt;&amp;&gt; &#233; &#x1F600; 漢字 \"'</string>"),
        json!("<&> é 😀 漢字 \"'")
    );
    assert_eq!(answer("<array><data>\n</data></array>"), json!([]));
    assert_eq!(
        answer("<dateTime.iso8601>20260131T23:59:58</dateTime.iso8601>"),
        json!("2026-01-31 23:59:58")
    );
    assert_eq!(answer("<base64>bm9yZA==</base64>"), json!("bm9yZA=="));
    let record = "<struct>\n<member>\n<name>ids</name>\n<value><array><data>\n<value><int>2</int></value>\n<value><int>1</int></value>\n</data></array></value>\n</member>\n</struct>";
    assert_eq!(answer(record), json!({ "ids": [2, 1] }));
}

#[test]
fn numbers_that_json_lacks_become_text() {
    assert_eq!(answer("<double>nan</double>"), json!("NaN"));
    assert_eq!(answer("<double>-inf</double>"), json!("-inf"));
}

#[test]
fn either_prolog_and_any_blank_lines_are_read() {
    let body = "<methodResponse><params><param><value><int>1</int></value></param></params></methodResponse>";
    for prolog in [
        "<?xml version=\"1.0\"?>\n\n",
        "<?xml version='1.0'?>\n",
        "\n\n",
        "\u{feff}<?xml version='1.0' encoding='utf-8'?>",
    ] {
        assert_eq!(parse(&format!("{prolog}{body}\n\n")), Ok(Answer::Value(json!(1))), "{prolog:?}");
    }
}

#[test]
fn a_traceback_is_cut_to_its_last_line() {
    let message = "ValueError: Invalid field 'planned_revenue' on model 'crm.lead'".to_owned();
    let Ok(Answer::Fault(fault)) = parse(include_str!("../fixtures/fault-traceback.xml")) else {
        panic!("no fault")
    };
    assert_eq!(fault, Fault { code: 1, message });
    assert!(fault.is_invalid_field());
}

#[test]
fn what_is_no_answer_is_an_error_without_the_body() {
    let deep = format!("<methodResponse><params><param><value>{}", "<array><data><value>".repeat(100_000));
    let string_code = "<methodResponse><fault><value><struct><member><name>faultCode</name><value><string>AccessDenied</string></value></member><member><name>faultString</name><value><string>no</string></value></member></struct></value></fault></methodResponse>";
    for body in [
        "",
        "secret words",
        "<html><body>secret words</body></html>",
        "<methodResponse></methodResponse>",
        "<methodResponse><params><param><value><int>1</int>",
        deep.as_str(),
        string_code,
    ] {
        assert!(!parse(body).unwrap_err().to_string().contains("secret"), "{body:.40}");
    }
}

#[test]
fn calls_carry_arguments_exactly() {
    let arguments = json!([["id", ">", 5_000_000_000_i64], {"load": false, "name": " <a&b> ", "rate": 0.1, "none": null}]);
    let body = call("execute_kw", vec![value(&arguments)]).unwrap();
    let read = dxr::MethodCall::from_xml(&body).unwrap();
    assert_eq!(read.name, "execute_kw");
    assert_eq!(read.params.into_iter().map(to_json).collect::<Vec<_>>(), vec![arguments]);
    assert_eq!(value(&json!(7)), Value::Integer(7));
}
