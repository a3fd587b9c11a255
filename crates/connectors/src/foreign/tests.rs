//! What mappings can say, what they cannot do, and that they always end.

use proptest::prelude::*;
use salescommand_domain::canonical::{
    CurrencySource, Entity, FacetBody, FacetId, IdentityKey, Label, LabelFacet, Mapped, Rejection, SourceRef,
    Status, TermSource,
};
use salescommand_domain::raw::{Envelope, FORMAT_VERSION, InstanceName, ObjectName, Operation, Payload};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::{MappingError, Words, compile};

fn envelope(payload: Value) -> Envelope {
    Envelope {
        format: FORMAT_VERSION,
        event_id: uuid::Uuid::nil(),
        instance: InstanceName::new("tickets").unwrap(),
        connector: "tickets".into(),
        object: ObjectName::new("deal").unwrap(),
        key: "17".into(),
        operation: Operation::Upsert,
        source_modified: Some("2026-11-20T10:00:00Z".parse().unwrap()),
        observed: "2026-11-25T08:00:00Z".parse().unwrap(),
        run_token: 0,
        payload_schema: 2,
        subjects: Vec::new(),
        payload: Payload::Inline(payload),
    }
}

fn map(program: &str, payload: Value) -> Result<Option<Mapped>, Rejection> {
    compile(program).unwrap()(&envelope(payload))
}

/// What a program says, as the name of an account.
fn says(program: &str, payload: Value) -> String {
    let program = format!("{{kind: \"account\", name: ({program} | tojson)}}");
    match map(&program, payload).unwrap().unwrap().body {
        FacetBody::Account(account) => account.name,
        other => panic!("{other:?}"),
    }
}

fn reason(program: &str, payload: Value) -> (&'static str, String) {
    let rejection = map(program, payload).unwrap_err();
    (rejection.reason, rejection.path)
}

fn facet(object: &str, key: &str) -> FacetId {
    let instance = InstanceName::new("tickets").unwrap();
    SourceRef { instance, object: ObjectName::new(object).unwrap(), key: key.into() }.facet_id()
}

const DEAL: &str = r#"
    def ref($object): if . == null then null else {object: $object, key: tostring} end;
    .payload | if .draft then null else {
        kind: "opportunity", name: .title, amount: {value: .value, currency: "JPY"},
        probability: .chance, stage: (.stage | ref("stage")), owner: (.seller | ref("seller")),
        status: (if .lost then "lost" else null end), close_date: .closes[:10]
    } end"#;

#[test]
fn a_deal_is_mapped_with_its_references_and_its_exact_amount() {
    let payload = json!({"title": "Printers", "value": "1200.50", "chance": 0.25, "stage": 4, "seller": "ann",
        "closes": "2026-12-01T00:00:00Z"});
    let mapped = map(DEAL, payload).unwrap().unwrap();
    let FacetBody::Opportunity(deal) = &mapped.body else { panic!("{mapped:?}") };
    let amount = deal.amount.unwrap();
    assert_eq!((deal.name.as_str(), amount.value.to_string().as_str()), ("Printers", "1200.50"));
    assert!(matches!(amount.currency, Some(CurrencySource::Iso(_, 0))));
    assert_eq!(
        (deal.probability_ppm, deal.stage, deal.owner),
        (Some(250_000), Some(facet("stage", "4")), Some(facet("seller", "ann")))
    );
    assert_eq!((deal.outcome.in_won_stage, deal.outcome.elsewhere), (Status::Won, Status::Open));
    assert!(
        mapped.refs.contains(&facet("stage", "4")) && mapped.refs.len() == 2,
        "the stage and the calendar"
    );
    assert_eq!(map(DEAL, json!({"draft": true})).unwrap(), None);
    assert_eq!(map("empty", json!({})).unwrap(), None);
}

#[test]
fn a_deal_is_labelled_by_name_or_by_record() {
    let program = r#"{kind: "opportunity", name: "a", source: "Fair", lost_reason: {object: "reason", key: "3"},
        tags: ["big", {object: "tag", key: "1"}, "big"], recurring: {value: "99.90", currency: "EUR", months: 12}}"#;
    let mapped = map(program, json!({})).unwrap().unwrap();
    let FacetBody::Opportunity(deal) = &mapped.body else { panic!("{mapped:?}") };
    assert_eq!(deal.labels.source, Some(Label::Name("Fair".into())));
    assert_eq!(deal.labels.lost_reason, Some(Label::Record(facet("reason", "3"))));
    assert_eq!(deal.labels.tags, [Label::Name("big".into()), Label::Record(facet("tag", "1"))]);
    assert_eq!((&deal.labels.medium, &deal.labels.campaign), (&None, &None));
    let recurring = deal.recurring.unwrap();
    assert_eq!(recurring.amount.value.to_string(), "99.90");
    assert_eq!(recurring.term, Some(TermSource::Months(12)));
    let label = map(r#"{kind: "label", name: "big"}"#, json!({})).unwrap().unwrap();
    assert_eq!(label.body, FacetBody::Label(LabelFacet { name: "big".into(), active: true }));
    let by_record =
        r#"{kind: "opportunity", name: "a", recurring: {value: 1, currency: {object: "c", key: "1"}}}"#;
    assert!(map(by_record, json!({})).unwrap().unwrap().refs.contains(&facet("c", "1")));
}

#[test]
fn people_and_companies_join_by_derived_keys_or_by_chosen_ones() {
    let keys = |program: &str| map(program, json!({})).unwrap().unwrap().keys;
    let mail = IdentityKey::email(Entity::User, "ann@example.com").unwrap();
    assert_eq!(keys(r#"{kind: "user", name: "Ann", email: "Ann@Example.com"}"#), [mail]);
    assert_eq!(keys(r#"{kind: "user", name: "Ann", email: "ann@example.com", keys: []}"#), []);
    let tax = IdentityKey::tax_id(Entity::Account, "BE0477472701").unwrap();
    assert_eq!(keys(r#"{kind: "account", name: "A", keys: [{tax_id: "BE 0477.472.701"}]}"#), [tax]);
}

#[test]
fn what_is_refused_names_the_place_in_the_mappings_output() {
    let said = |program: &str| reason(program, json!({"x": 1}));
    assert_eq!(said("1"), ("wrong_type", String::new()));
    assert_eq!(said("{name: \"a\"}"), ("missing_field", "/kind".into()));
    assert_eq!(said("{kind: \"ship\"}"), ("out_of_range", "/kind".into()));
    assert_eq!(said("{kind: \"account\"}"), ("missing_field", "/name".into()));
    assert_eq!(said("{kind: \"account\", name: \"  \"}"), ("missing_field", "/name".into()));
    assert_eq!(said("{kind: \"account\", name: \"a\", colour: 1}"), ("unknown_field", "/colour".into()));
    assert_eq!(said("{kind: \"account\", name: 7}"), ("wrong_type", "/name".into()));
    let deal = |rest: &str| said(&format!("{{kind: \"opportunity\", name: \"a\"}} + {rest}"));
    assert_eq!(deal("{amount: {value: \"a lot\"}}"), ("out_of_range", "/amount/value".into()));
    assert_eq!(deal("{amount: {value: 1, currency: \"euro\"}}"), ("out_of_range", "/amount/currency".into()));
    assert_eq!(deal("{amount: {value: 1, currency: 3}}"), ("wrong_type", "/amount/currency".into()));
    assert_eq!(deal("{stage: {object: \"s\"}}"), ("missing_field", "/stage/key".into()));
    assert_eq!(deal("{stage: {object: \"s\", key: 4}}"), ("wrong_type", "/stage/key".into()));
    assert_eq!(deal("{source: \" \"}"), ("missing_field", "/source".into()));
    assert_eq!(deal("{tags: [\"a\", \"\"]}"), ("missing_field", "/tags/1".into()));
    assert_eq!(deal("{lost_reason: 3}"), ("wrong_type", "/lost_reason".into()));
    assert_eq!(deal("{recurring: {value: 1, months: 0}}"), ("out_of_range", "/recurring/months".into()));
    assert_eq!(
        deal("{recurring: {value: 1, currency: \"euro\"}}"),
        ("out_of_range", "/recurring/currency".into())
    );
    assert_eq!(deal("{close_date: \"soon\"}"), ("out_of_range", "/close_date".into()));
    assert_eq!(deal("{probability: 40}"), ("out_of_range", "/probability".into()));
    assert_eq!(
        said("{kind: \"team\", name: \"a\", members: [{object: \"u\", key: \"1\"}, 2]}"),
        ("wrong_type", "/members/1".into())
    );
    assert_eq!(said(".payload.x.y"), ("mapping_failed", String::new()));
    assert_eq!(said("1, 2"), ("mapping_failed", String::new()));
    assert_eq!(said("{kind: \"account\", name: \"a\", custom: {n: (1 / 0)}}"), ("wrong_type", String::new()));
}

#[test]
fn the_language_is_what_people_know_of_jq() {
    let payload = json!({"items": [{"n": 3, "t": "c"}, {"n": 1, "t": "a"}], "text": " A-b ", "at": 0});
    let cases = [
        (r#".payload.items | map(.n) | add"#, "4"),
        (r#".payload.items | sort_by(.n) | map(.t) | join("+")"#, r#""a+c""#),
        (r#"[.payload.items[] | select(.n > 1) | .t]"#, r#"["c"]"#),
        (r#".payload.text | trim | ascii_downcase | split("-")"#, r#"["a","b"]"#),
        (r#".payload.items[0] | to_entries | map(.key)"#, r#"["n","t"]"#),
        (r#".payload.items[0] | with_entries(.value |= tostring)"#, r#"{"n":"3","t":"c"}"#),
        (r#".payload | .at |= todate | .at"#, r#""1970-01-01T00:00:00Z""#),
        (r#""2026-11-25T00:00:00Z" | fromdate"#, "1795564800"),
        (r#"reduce range(5) as $i (0; . + $i)"#, "10"),
        (r#"[limit(2; range(100))]"#, "[0,1]"),
        (r#""x=12" | capture("(?<k>\\w)=(?<v>\\d+)")"#, r#"{"k":"x","v":"12"}"#),
        (r#""a  b" | gsub(" +"; "_")"#, r#""a_b""#),
        (r#""12.50" | tonumber * 2"#, "25.0"),
        (r#"try error("no") catch ."#, r#""no""#),
        (r#"(.payload.none // "else"), empty"#, r#""else""#),
        (r#".payload.items | any(.n == 3)"#, "true"),
        (r#"["ab", "c"] | contains(["b"])"#, "true"),
        (r#".payload.items | .[].n += 1 | map(.n)"#, "[4,2]"),
        (r#"[1, [2]] | walk(if type == "number" then . * 10 else . end)"#, "[10,[20]]"),
        (r#"def twice(f): f | f; 3 | twice(. * .)"#, "81"),
        (r#"{a: 1} * {b: 2} | keys"#, r#"["a","b"]"#),
        (r#"[3, 1, 3] - [3]"#, "[1]"),
        (r#""\(1 + 1) deals""#, r#""2 deals""#),
        (r#"[.payload.items[] as {n: $n, t: $t} | "\($n)\($t)"] | unique"#, r#"["1a","3c"]"#),
        (r#".payload | del(.items) | keys"#, r#"["at","text"]"#),
        (r#"[{a: 1, b: 2} | .[]] | length"#, "2"),
        (r#"if .payload.at == 0 then "zero" elif false then 1 else 2 end"#, r#""zero""#),
        (r#".payload_schema"#, "2"),
        (
            r#"[.object, .key, .instance, .source_modified]"#,
            r#"["deal","17","tickets","2026-11-20T10:00:00Z"]"#,
        ),
    ];
    for (program, expected) in cases {
        assert_eq!(says(program, payload.clone()), expected, "{program}");
    }
}

#[test]
fn what_would_make_two_machines_differ_is_not_there() {
    for program in [
        "now",
        "input",
        "inputs",
        "$ENV",
        "env",
        "input_filename",
        "halt",
        "debug",
        "localtime",
        "\"x\" | fromjson",
        "error_empty",
        "strflocaltime(\"%H\")",
        "get_search_list",
        "$__prog_args",
        "import \"a\" as a; 1",
        "@sh \"\\(.)\"",
        "stderr",
    ] {
        let refused = compile(program).err();
        assert!(
            matches!(refused, Some(MappingError::Unknown(_) | MappingError::Syntax { .. })),
            "{program}: {refused:?}"
        );
    }
}

#[test]
fn recursion_is_refused_when_the_mapping_is_set() {
    for program in [
        "def f: f; f",
        "def f: 1 + f; f",
        "def f(g): def h: f(g); h; f(.)",
        "def f($x): f($x + 1); f(0)",
        "repeat(.)",
        "while(true; .)",
        "until(false; .)",
        "recurse(.)",
        "[limit(3; repeat(1))]",
    ] {
        assert!(
            matches!(compile(program).err(), Some(MappingError::Recursion(_) | MappingError::Unknown(_))),
            "{program}"
        );
    }
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(compile(&deep).err(), Some(MappingError::TooLarge));
    assert_eq!(compile(&"1|".repeat(40_000)).err(), Some(MappingError::TooLarge));
    let error = compile(".payload |\n  {name: }").err().unwrap().to_string();
    assert!(error.starts_with("line 2, column "), "{error}");
}

/// Programs that do a great deal for few characters end by the meter, and by nothing else.
#[test]
fn every_program_ends() {
    let many: Vec<u32> = (0..3_000).collect();
    for program in [
        "[range(1e18)]",
        "last(range(1e18))",
        "first(range(1e18) | select(. < 0))",
        "[(range(1e18))?] | length",
        "range(1e18) as $i | try error(1) catch empty",
        "[limit(1e18; range(1e18))]",
        "isempty(range(1e18) | select(false))",
        "\"a\" * 1e15",
        "1e15 * \"a\"",
        "\"ab\" | . *= 1e12",
        "reduce range(100) as $i (\"aaaaaaaaaa\"; . + .)",
        "reduce range(100) as $i ([1]; . + .)",
        "reduce range(100) as $i (1; [., .])",
        "reduce range(100000) as $i (1; [.])",
        "reduce range(1000) as $i (7; . * .)",
        ".payload[] as $a | .payload[] as $b | .payload[] as $c | select($a + $b + $c < 0)",
        "[.payload[] | . as $x | [range(1000)] | .[$x]]",
        ".payload | [.[] | tostring] | join(\"---------------------------------------------------\") | [range(1000) as $i | . + .]",
        "[range(2000)] | . - [range(2000)]",
        "\"a\" * 100000 | gsub(\"a\"; \"b\" * 1000)",
        "label $out | foreach range(1e18) as $i (0; . + 1; select(. < 0))",
        ".payload | [paths] | [.[], .[]] | [range(1000) as $i | .]",
        "[.payload | .. |= [., .]]| [..] | [..] | [..] | [..] | [..] | [..] | [..] | [..] | [..] | [..] | [..] | [..] | [..] | [..] | [..] | [..] | [..]",
        "reduce range(1e18) as $i ({}; .[\"k\\($i)\"] = $i)",
    ] {
        let begun = std::time::Instant::now();
        let ended = map(&format!("({program}) | {{kind: \"account\", name: \"a\"}}"), json!(many));
        let reason = ended.as_ref().err().map(|rejection| rejection.reason);
        assert_eq!(reason, Some("mapping_limit"), "{program}: {ended:?}");
        assert!(begun.elapsed().as_secs() < 20, "{program} took {:?}", begun.elapsed());
    }
}

fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Option<Words>>();
    schema.insert("title".into(), json!("What a mapping says about one record"));
    schema.to_value()
}

#[test]
fn the_schema_in_the_repository_is_that_of_the_code() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/mapping-output.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let held = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        held == text,
        "schemas/mapping-output.json is not what the code says; run the tests with UPDATE_SCHEMAS=1"
    );
}

fn arbitrary_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300f64).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,6}", inner, 0..6).prop_map(Value::from_iter),
        ]
    })
}

/// Records as a mapping might say them: right words, values that may be anything.
fn arbitrary_words() -> impl Strategy<Value = Value> {
    let kinds = [
        "account",
        "contact",
        "opportunity",
        "activity",
        "user",
        "team",
        "stage",
        "label",
        "company",
        "currency",
    ];
    let fields = [
        "name",
        "subject",
        "code",
        "amount",
        "owner",
        "stage",
        "status",
        "type",
        "active",
        "close_date",
        "probability",
        "members",
        "custom",
        "keys",
        "exponent",
        "order",
        "email",
        "source",
        "tags",
        "recurring",
    ];
    let reference = json!({"object": "o", "key": "1"});
    let value = prop_oneof![
        prop::sample::select(vec![
            json!("EUR"),
            json!("open"),
            json!("2026-12-01"),
            json!(true),
            json!(1),
            json!(0.5),
            reference.clone(),
            json!([reference]),
            json!({"value": "1.50", "currency": "EUR"}),
            json!({"value": 3, "months": 12}),
            json!(["a", {"object": "o", "key": "1"}]),
            json!([{"email": "a@example.com"}]),
            json!({"a": 1})
        ]),
        arbitrary_json(),
    ];
    (
        prop::sample::select(kinds.to_vec()),
        prop::collection::btree_map(prop::sample::select(fields.to_vec()), value, 0..6),
    )
        .prop_map(|(kind, fields)| {
            let mut words: Value =
                fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
            words["kind"] = json!(kind);
            words
        })
}

proptest! {
    /// Numbers, texts and nesting go through a program unchanged.
    #[test]
    fn json_passes_through_a_mapping_unchanged(value in arbitrary_json()) {
        let program = r#"{kind: "account", name: "a", custom: {value: .payload}}"#;
        let mapped = map(program, value.clone()).unwrap().unwrap();
        let FacetBody::Account(account) = mapped.body else { panic!() };
        prop_assert_eq!(&account.custom["value"], &value);
    }

    /// A mapping that says whatever it is given: never a panic, the same answer twice, and nothing accepted that the
    /// schema in the repository refuses.
    #[test]
    fn whatever_a_mapping_says_is_accepted_or_refused(said in prop_oneof![arbitrary_words(), arbitrary_json()]) {
        let mapping = compile(".payload").unwrap();
        let answer = mapping(&envelope(said.clone()));
        prop_assert_eq!(&answer, &mapping(&envelope(said.clone())));
        let validator = jsonschema::validator_for(&schema()).unwrap();
        if answer.is_ok() {
            prop_assert!(validator.is_valid(&said), "{said} was accepted against the schema");
        } else if let Err(rejection) = &answer && rejection.path.is_empty() {
            prop_assert!(!validator.is_valid(&said), "{said} was refused as a whole: {rejection}");
        }
    }

    /// Programs out of nothing: compiled or refused, and if compiled, ended.
    #[test]
    fn no_text_breaks_the_compiler(text in r#"[.a\[\]{}()|,;:"$ 0-9+*/?=<>-]{0,40}"#) {
        if let Ok(mapping) = compile(&text) {
            let _ = mapping(&envelope(json!({"a": [1, {"b": 2}]})));
        }
    }
}
