//! Payloads of `crm`, held against the schema on both ends.

use proptest::prelude::*;
use salescommand_domain::Timestamp;
use salescommand_domain::canonical::{
    Amount, CrmOpportunity, CurrencySource, Edited, FacetBody, FacetId, IdentityKey, Mapped, OpportunityEdit,
    Rejection, Status,
};
use salescommand_domain::money::CurrencyCode;
use salescommand_domain::raw::{Envelope, FORMAT_VERSION, InstanceName, Operation, Payload};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PAYLOAD_SCHEMA, map, payload};

fn target() -> FacetId {
    FacetId(Uuid::new_v5(&Uuid::NAMESPACE_URL, b"deal"))
}

fn edit() -> CrmOpportunity {
    CrmOpportunity::Edit(target())
}

fn own() -> CrmOpportunity {
    CrmOpportunity::Deal(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001))
}

fn mapped(record: CrmOpportunity, payload: Value) -> Result<Option<Mapped>, Rejection> {
    let source = record.source();
    map(&Envelope {
        format: FORMAT_VERSION,
        event_id: Uuid::from_u128(1),
        instance: InstanceName::crm(),
        connector: "crm".to_owned(),
        object: source.object,
        key: source.key,
        operation: Operation::Upsert,
        source_modified: None,
        observed: Timestamp::UNIX_EPOCH,
        run_token: 0,
        payload_schema: PAYLOAD_SCHEMA,
        subjects: Vec::new(),
        payload: Payload::Inline(payload),
    })
}

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../../schemas/crm-opportunity.json");
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&serde_json::from_str(text).unwrap()).unwrap()
}

fn edited<T: std::fmt::Debug>(
    value: impl Strategy<Value = Option<T>>,
) -> impl Strategy<Value = Option<Edited<T>>> {
    let made =
        |(value, micros)| Edited { value, at: Timestamp::from_microsecond(micros).unwrap(), by: target() };
    prop::option::of((value, 0i64..4_000_000_000_000_000).prop_map(made))
}

fn fields() -> impl Strategy<Value = OpportunityEdit> {
    let id = || prop::option::of(any::<u128>().prop_map(|id| FacetId(Uuid::from_u128(id))));
    let statuses = prop::sample::select(vec![Status::Open, Status::Won, Status::Lost, Status::Archived]);
    let amount = (any::<i32>(), 0u32..4, prop::sample::select(vec![("EUR", 2), ("JPY", 0), ("KWD", 3)]));
    let amount = amount.prop_map(|(units, scale, (code, exponent))| Amount {
        value: rust_decimal::Decimal::new(units.into(), scale).normalize(),
        currency: Some(CurrencySource::Iso(CurrencyCode::new(code).unwrap(), exponent)),
    });
    let day =
        (1900i16..2200, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| jiff::civil::Date::new(y, m, d).unwrap());
    (
        edited("[a-zé]([ -~]{0,20}[A-Z])?".prop_map(Some)),
        edited(id()),
        edited(statuses.prop_map(Some)),
        edited(prop::option::of(amount)),
        edited(prop::option::of(0u32..=1_000_000)),
        edited(id()),
        edited(prop::option::of(day)),
    )
        .prop_map(|(name, stage, status, amount, probability_ppm, owner, close_date)| OpportunityEdit {
            name,
            stage,
            status,
            amount,
            probability_ppm,
            owner,
            close_date,
        })
}

proptest! {
    #[test]
    fn what_is_written_is_valid_and_reads_back(fields in fields()) {
        let written = payload(edit(), &fields);
        let errors: Vec<_> = schema().iter_errors(&written).map(|error| error.to_string()).collect();
        prop_assert!(errors.is_empty(), "{errors:?} in {written}");
        let read = mapped(edit(), written).unwrap().unwrap();
        let stage = fields.stage.as_ref().and_then(|stage| stage.value);
        prop_assert_eq!(read.refs.len(), 1 + usize::from(stage.is_some()));
        prop_assert_eq!(read.body, FacetBody::OpportunityEdit(fields));
        prop_assert_eq!(read.keys, vec![IdentityKey::facet(target())]);
    }

    #[test]
    fn mapping_never_panics(kind in "edit|deal|x", field in "name|amount|stage|other", value in ".{0,10}", number in any::<i64>()) {
        for value in [json!(value), json!(number), json!({"value": value, "currency": value}), json!([value])] {
            let payload = json!({ "kind": kind, "fields": { field.clone(): { "value": value, "at": value, "by": value } } });
            let _ = (mapped(edit(), payload.clone()), mapped(own(), payload));
        }
    }
}

fn with(field: &str, value: Value) -> Value {
    let by = target().to_string();
    json!({ "kind": "edit", "fields": { field: { "value": value, "at": "2026-11-25T10:00:00Z", "by": by } } })
}

#[test]
fn what_the_schema_refuses_is_rejected_with_its_place() {
    let wrong = [
        ("name", json!(null), "out_of_range"),
        ("name", json!(""), "out_of_range"),
        ("name", json!(" x"), "out_of_range"),
        ("name", json!(7), "wrong_type"),
        ("stage", json!("Won"), "wrong_type"),
        ("status", json!("gone"), "wrong_type"),
        ("amount", json!(12.5), "wrong_type"),
        ("amount", json!({"value": 12, "currency": "EUR"}), "wrong_type"),
        ("amount", json!({"value": "12"}), "wrong_type"),
        ("amount", json!({"value": "12", "currency": "EUR", "rate": 1}), "wrong_type"),
        ("probability_ppm", json!(-1), "wrong_type"),
        ("probability_ppm", json!(1_000_001), "out_of_range"),
        ("close_date", json!("tomorrow"), "wrong_type"),
        ("close_date", json!("1492-10-12"), "out_of_range"),
    ];
    for (field, value, reason) in wrong {
        let payload = with(field, value);
        assert!(!schema().is_valid(&payload), "the schema takes {payload}");
        let rejection = mapped(edit(), payload.clone()).unwrap_err();
        let expected = (reason, format!("/fields/{field}/value"));
        assert_eq!((rejection.reason, rejection.path), expected, "{payload}");
    }
    let unknown = with("colour", json!("red"));
    assert!(!schema().is_valid(&unknown));
    assert_eq!(mapped(edit(), unknown).unwrap_err().reason, "unknown_field");
    // What only the code can know: a currency that is none, an amount without end.
    for amount in [
        json!({"value": "1", "currency": "XXX"}),
        json!({"value": "99999999999999999999", "currency": "EUR"}),
    ] {
        assert!(mapped(edit(), with("amount", amount)).is_err());
    }
}

#[test]
fn a_deal_made_here_is_a_deal_like_any_other() {
    let by = target().to_string();
    let field = |value: Value| json!({ "value": value, "at": "2026-11-25T10:00:00Z", "by": by });
    let fields = json!({
        "name": field(json!("New deal")), "owner": field(json!(by)),
        "amount": field(json!({"value": "1200.50", "currency": "EUR"})),
    });
    let payload = json!({ "kind": "deal", "fields": fields });
    assert!(schema().is_valid(&payload));
    let mapped_deal = mapped(own(), payload.clone()).unwrap().unwrap();
    let FacetBody::Opportunity(deal) = mapped_deal.body else { panic!("a deal") };
    assert_eq!((deal.name.as_str(), deal.owner), ("New deal", Some(target())));
    assert_eq!(deal.created_at, Some("2026-11-25T10:00:00Z".parse().unwrap()));
    assert_eq!((deal.outcome.in_won_stage, deal.outcome.elsewhere), (Status::Won, Status::Open));
    assert_eq!(mapped(edit(), payload).unwrap_err().reason, "key_mismatch", "an edit's key is a facet's");
    let nameless = json!({ "kind": "deal", "fields": {} });
    assert!(!schema().is_valid(&nameless));
    assert_eq!(mapped(own(), nameless).unwrap_err().path, "/fields/name");
}
