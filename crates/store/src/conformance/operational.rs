//! Checks of the readers' part (scopes) and of the operational collections.

use bson::{Document, doc};
use salescommand_domain::access::{OrgTree, Person, Role, ScopeKey};
use salescommand_domain::canonical::FacetId;

use super::{Failure, Outcome, batch, ensure, ensure_error, ids, insert, raw};
use crate::{
    Condition, Direction, Documents, Error, OPS_REFRESH_TOKENS, OPS_SOURCES, OPS_USED_SIGN_INS, OPS_USERS,
    Ops, Query, Referring, ScopedReads,
};

const C: &str = "serving_list_g1";
const OPPOSITE: &str = "serving_opposite_g1";

fn facet(number: u8) -> Result<FacetId, Failure> {
    format!("00000000-0000-0000-0000-0000000000{number:02x}")
        .parse()
        .map_err(|_| Failure("no facet id".to_owned()))
}

/// A manager (1) with one report (2), a stranger (3), and a document of each, an unowned and a public one.
async fn people<S: Documents>(store: &S) -> Result<OrgTree, Failure> {
    let person = |id: u8, manager: Option<u8>| -> Result<Person, Failure> {
        let id = facet(id)?;
        Ok(Person { id, facets: vec![id], manager: manager.map(facet).transpose()? })
    };
    let tree = OrgTree::build(&[person(1, None)?, person(2, Some(1))?, person(3, None)?], &[]);
    let mut writes = Vec::new();
    for number in 1..=3 {
        let key = ScopeKey::owner(facet(number)?);
        let document = doc! { "_id": number.to_string(), "scope_key": key.as_str(), "n": i32::from(number) };
        writes.push(insert(C, document)?);
    }
    writes.push(insert(C, doc! { "_id": "4", "n": 4 })?);
    writes.push(insert(C, doc! { "_id": "5", "n": 5, "scope_key": ScopeKey::public().as_str() })?);
    store.commit(batch("p", 0, writes)).await?;
    Ok(tree)
}

pub(super) async fn a_scope_limits_what_is_read<S: Documents + ScopedReads>(store: &S) -> Outcome {
    let tree = people(store).await?;
    let by_id = Query::all().sorted("_id", Direction::Ascending);
    let cases: [(Role, Option<FacetId>, &[&str]); 5] = [
        (Role::SuperAdmin, None, &["1", "2", "3", "4", "5"]),
        (Role::SalesUser, Some(facet(1)?), &["1", "2"]),
        (Role::SalesUser, Some(facet(2)?), &["2"]),
        (Role::SalesUser, Some(facet(9)?), &[]),
        (Role::SalesUser, None, &[]),
    ];
    for (role, person, expected) in cases {
        let scope = tree.scope(role, person);
        let found = ids(&store.read(C, &scope, &by_id).await?)?;
        ensure!(found == expected, "{scope:?} gave {found:?}, not {expected:?}");
    }
    let scope = tree.scope(Role::SalesUser, Some(facet(1)?));
    let key = ScopeKey::owner(facet(3)?);
    let asked = by_id.clone().with(Condition::Eq("scope_key".to_owned(), key.as_str().into()));
    ensure!(store.read(C, &scope, &asked).await?.is_empty(), "a query widened its scope");
    let limited = ids(&store.read(C, &scope, &by_id.limited(1)).await?)?;
    ensure!(limited == ["1"], "the limit was applied before the scope: {limited:?}");
    Ok(())
}

/// One (0) to whom 1,199 report, and as many strangers.
const TOGETHER: u32 = 1_200;
const EVERYBODY: u32 = 2_400;

fn somebody(number: u32) -> Result<FacetId, Failure> {
    format!("00000000-0000-0000-0000-{number:012x}").parse().map_err(|_| Failure("no facet id".to_owned()))
}

/// A document of everybody, in two collections: in the order of their numbers, and in the opposite order.
async fn many_people<S: Documents>(store: &S) -> Result<OrgTree, Failure> {
    let mut people = Vec::new();
    let mut writes = Vec::new();
    for number in 0..EVERYBODY {
        let id = somebody(number)?;
        let manager = (1..TOGETHER).contains(&number).then(|| somebody(0)).transpose()?;
        people.push(Person { id, facets: vec![id], manager });
        for (collection, place) in [(C, number), (OPPOSITE, EVERYBODY - 1 - number)] {
            let key = ScopeKey::owner(id);
            let document = doc! {
                "_id": format!("{place:04}"), "scope_key": key.as_str(), "owner": i64::from(number),
            };
            writes.push(insert(collection, document)?);
        }
    }
    writes.push(insert(C, doc! { "_id": "without", "owner": 0_i64 })?);
    writes.push(insert(C, doc! { "_id": "other", "owner": 0_i64, "scope_key": ["owner:x"] })?);
    store.commit(batch("p", 0, writes)).await?;
    Ok(OrgTree::build(&people, &[]))
}

pub(super) async fn a_wide_scope_gives_what_is_in_it<S: Documents + ScopedReads>(store: &S) -> Outcome {
    let tree = many_people(store).await?;
    let scope = tree.scope(Role::SalesManager, Some(somebody(0)?));
    let own = |first: u32, count: usize| -> Vec<String> {
        (first..first + TOGETHER).map(|place| format!("{place:04}")).take(count).collect()
    };
    let up = Query::all().sorted("_id", Direction::Ascending);
    let down = Query::all().sorted("_id", Direction::Descending);
    // In the one collection the scope's documents come first, in the other one behind those of strangers.
    for (collection, first) in [(C, 0), (OPPOSITE, EVERYBODY - TOGETHER)] {
        let all = own(first, usize::MAX);
        let downwards: Vec<_> = all.iter().rev().take(20).cloned().collect();
        let after = Condition::Gt("_id".to_owned(), all.get(9).cloned().unwrap_or_default().into());
        let beyond = Condition::Gt("_id".to_owned(), all.last().cloned().unwrap_or_default().into());
        let of = |places: &[u32]| {
            let places = places.iter().map(|place| format!("{place:04}").into()).collect();
            Condition::In("_id".to_owned(), places)
        };
        let cases = [
            (up.clone(), all.clone()),
            (up.clone().limited(20), own(first, 20)),
            (up.clone().limited(5_000), all.clone()),
            (down.clone().limited(20), downwards),
            (up.clone().with(after).limited(20), all.iter().skip(10).take(20).cloned().collect()),
            (up.clone().with(beyond).limited(20), Vec::new()),
            (up.clone().limited(0), Vec::new()),
            (Query::all().with(of(&[first + 5])).limited(1), vec![format!("{:04}", first + 5)]),
            (Query::all().with(of(&[EVERYBODY - 1 - first])).limited(1), Vec::new()),
            (up.clone().with(of(&BORDER)), at_border(first)),
        ];
        for (query, expected) in cases {
            let found = ids(&store.read(collection, &scope, &query).await?)?;
            ensure!(found == expected, "{query:?} gave {found:?}, not {expected:?}");
        }
        let count = store.count(collection, &scope, &Query::all()).await?;
        ensure!(count == u64::from(TOGETHER), "{count} documents of {TOGETHER}");
        let page = up.clone().only(&["owner"]).limited(1);
        let found = store.read(collection, &scope, &page).await?;
        let owner = if first == 0 { 0_i64 } else { i64::from(TOGETHER) - 1 };
        ensure!(found == [raw(doc! { "_id": format!("{first:04}"), "owner": owner })?], "{found:?}");
    }
    let key = |number: u32| Ok::<_, Failure>(bson::Bson::from(ScopeKey::owner(somebody(number)?).as_str()));
    let named = |keys| up.clone().with(Condition::In("scope_key".to_owned(), keys));
    for (query, expected) in [
        (named(vec![key(3)?, key(4)?, key(TOGETHER)?]), &["0003", "0004"] as &[&str]),
        (named(vec![key(TOGETHER)?]), &[]),
        (named(vec![bson::Bson::Null, bson::Bson::from("owner:x")]), &[]),
    ] {
        let found = ids(&store.read(C, &scope, &query).await?)?;
        ensure!(found == expected, "{query:?} gave {found:?}, not {expected:?}");
        let count = store.count(C, &scope, &query).await?;
        ensure!(count == expected.len() as u64, "{query:?} counts {count}");
    }
    Ok(())
}

/// Places on both sides of where the scope's documents begin or end.
const BORDER: [u32; 4] = [TOGETHER - 2, TOGETHER - 1, TOGETHER, TOGETHER + 1];

/// Those of them that are of the scope.
fn at_border(first: u32) -> Vec<String> {
    let places = BORDER.into_iter().filter(|place| (first..first + TOGETHER).contains(place));
    places.map(|place| format!("{place:04}")).collect()
}

const DEALS: &str = "canonical_deals_g1";

/// Of what is seen because of a deal: `n` is of nobody, the deals of person `n` refer to its second facet; those of person 7 are
/// deleted, and 5 and 6 share one. `own` is of person 3.
async fn seen_by_deals<S: Documents>(store: &S) -> Result<(), Failure> {
    let mut writes = Vec::new();
    for number in 0..EVERYBODY {
        let (owner, shared) = (ScopeKey::owner(somebody(number)?), if number == 6 { 5 } else { number });
        writes.push(insert(
            DEALS,
            doc! {
                "_id": format!("d{number:04}"), "scope_key": owner.as_str(), "deleted": number == 7,
                "body": { "account": format!("b{shared:04}") },
            },
        )?);
        let facets = vec![doc! { "id": format!("a{number:04}") }, doc! { "id": format!("b{number:04}") }];
        writes.push(insert(
            C,
            doc! { "_id": format!("{number:04}"), "scope_key": "unassigned:odoo", "facets": facets },
        )?);
    }
    writes.push(insert(
        DEALS,
        doc! { "_id": "of-nothing", "scope_key": ScopeKey::owner(somebody(3)?).as_str(), "deleted": false },
    )?);
    writes.push(insert(C, doc! { "_id": "own", "scope_key": ScopeKey::owner(somebody(3)?).as_str() })?);
    writes.push(insert(C, doc! { "_id": "of-nobody", "scope_key": "unassigned:odoo" })?);
    store.commit(batch("p", 0, writes)).await?;
    Ok(())
}

pub(super) async fn what_documents_of_a_scope_refer_to_is_seen<S: Documents + ScopedReads>(
    store: &S,
) -> Outcome {
    seen_by_deals(store).await?;
    let mut people = Vec::new();
    for number in 0..EVERYBODY {
        let id = somebody(number)?;
        // 3 leads 5 to 7, and 9 many; nobody else leads anybody.
        let manager = match number {
            5..=7 => Some(somebody(3)?),
            1_000.. => Some(somebody(9)?),
            _ => None,
        };
        people.push(Person { id, facets: vec![id], manager });
    }
    let tree = OrgTree::build(&people, &[]);
    let by = Referring { collection: DEALS, field: "body.account" };
    let up = Query::all().sorted("_id", Direction::Ascending);
    let few = |ids: &[&str]| {
        let ids = ids.iter().map(|id| bson::Bson::from(*id)).collect();
        up.clone().with(Condition::In("facets.id".to_owned(), ids))
    };
    let many: Vec<String> =
        std::iter::once(9).chain(1_000..EVERYBODY).map(|number| format!("{number:04}")).collect();
    let all = many.iter().map(String::as_str).collect::<Vec<_>>();
    let cases: [(u32, Query, &[&str]); 10] = [
        (3, up.clone(), &["0003", "0005", "own"]),
        (3, up.clone().limited(2), &["0003", "0005"]),
        (3, up.clone().with(Condition::Gt("_id".to_owned(), "0003".into())), &["0005", "own"]),
        (3, few(&["a0005", "a0006", "b0008"]), &["0005"]),
        (6, up.clone(), &["0005"]),
        (7, up.clone(), &[]),
        (9, up.clone(), &all),
        (9, up.clone().limited(3), &all[..3]),
        (9, up.clone().with(Condition::Gt("_id".to_owned(), "2397".into())), &["2398", "2399"]),
        (9, few(&["a0003", "a0009", "b1000"]), &["0009", "1000"]),
    ];
    for (person, query, expected) in cases {
        let scope = tree.scope(Role::SalesManager, Some(somebody(person)?));
        let found = ids(&store.read_referred(C, &scope, by, &query).await?)?;
        ensure!(found == expected, "{person}, {query:?}: {found:?}, not {expected:?}");
        let whole = Query { limit: None, ..query };
        let whole_count = store.read_referred(C, &scope, by, &whole).await?.len() as u64;
        let count = store.count_referred(C, &scope, by, &whole).await?;
        ensure!(count == whole_count, "{person}, {whole:?} counts {count}");
    }
    let everything = tree.scope(Role::SuperAdmin, None);
    let count = store.read_referred(C, &everything, by, &up).await?.len();
    ensure!(count == EVERYBODY as usize + 2, "{count} documents for who sees everything");
    let nothing = tree.scope(Role::SalesUser, None);
    ensure!(store.read_referred(C, &nothing, by, &up).await?.is_empty(), "who sees nothing");
    ensure!(store.count_referred(C, &nothing, by, &up).await? == 0, "who sees nothing");
    let ops = Referring { collection: OPS_USERS, field: "email" };
    ensure!(
        store.read_referred(C, &everything, ops, &up).await.is_err(),
        "operational documents refer to nothing"
    );
    Ok(())
}

pub(super) async fn public_documents_need_no_scope<S: Documents + ScopedReads>(store: &S) -> Outcome {
    people(store).await?;
    let found = ids(&store.read_public(C, &Query::all()).await?)?;
    ensure!(found == ["5"], "{found:?}");
    Ok(())
}

pub(super) async fn counts_and_positions_are_told<S: Documents + ScopedReads>(store: &S) -> Outcome {
    store.ping().await?;
    ensure!(store.positions().await?.is_empty(), "positions before there are any");
    let everything = OrgTree::default().scope(Role::SuperAdmin, None);
    ensure!(store.count(C, &everything, &Query::all()).await? == 0, "documents before there are any");
    people(store).await?;
    store.commit(batch("q", 0, Vec::new())).await?;
    store.commit(batch("q", 1, Vec::new())).await?;
    ensure!(store.count(C, &everything, &Query::all()).await? == 5, "wrong count");
    let one = Condition::Eq("_id".to_owned(), "1".into());
    ensure!(store.count(C, &everything, &Query::all().with(one)).await? == 1, "wrong count of what matches");
    let nothing = OrgTree::default().scope(Role::SalesUser, None);
    ensure!(store.count(C, &nothing, &Query::all()).await? == 0, "a scope without keys counts something");
    ensure_error!(store.count(OPS_USERS, &everything, &Query::all()).await, Error::Refused(_));
    let positions = store.positions().await?;
    let seen: Vec<_> = positions.iter().map(|(name, position)| (name.as_str(), position.revision)).collect();
    ensure!(seen == [("p", 1), ("q", 2)], "{seen:?}");
    ensure!(ScopedReads::active(store).await?.is_none(), "a switch out of nothing");
    Ok(())
}

async fn put<S: Ops>(store: &S, collection: &str, document: Document) -> Result<Result<(), Error>, Failure> {
    Ok(store.insert(collection, raw(document)?).await)
}

pub(super) async fn accounts_are_unique_by_email<S: Ops>(store: &S) -> Outcome {
    let (left, right) = tokio::join!(store.ensure_ops(), store.ensure_ops());
    left?;
    right?;
    put(store, OPS_USERS, doc! { "_id": "u1", "email": "a@example.com" }).await??;
    match put(store, OPS_USERS, doc! { "_id": "u1", "email": "b@example.com" }).await? {
        Err(Error::Duplicate { collection, key }) if collection == OPS_USERS && key == "u1" => {}
        other => return Err(Failure(format!("a taken id gave {other:?}"))),
    }
    match put(store, OPS_USERS, doc! { "_id": "u2", "email": "a@example.com" }).await? {
        Err(Error::Duplicate { collection, key }) if collection == OPS_USERS && key == "email" => {}
        other => return Err(Failure(format!("a taken address gave {other:?}"))),
    }
    put(store, OPS_USERS, doc! { "_id": "u3", "email": "c@example.com", "revision": 1 }).await??;
    let taking = raw(doc! { "_id": "u3", "email": "a@example.com", "revision": 2 })?;
    ensure_error!(store.replace_if(OPS_USERS, "u3", 1, taking).await, Error::Duplicate { .. });
    ensure!(
        put(store, OPS_USERS, doc! { "email": "d@example.com" }).await?.is_err(),
        "a document without an id"
    );
    ensure!(
        put(store, OPS_USERS, doc! { "_id": 4, "email": "d@example.com" }).await?.is_err(),
        "an id of a number"
    );
    let found = ids(&store.list(OPS_USERS, &Query::all().sorted("_id", Direction::Ascending)).await?)?;
    ensure!(found == ["u1", "u3"], "{found:?}");
    Ok(())
}

pub(super) async fn replacement_needs_the_revision<S: Ops>(store: &S) -> Outcome {
    store.ensure_ops().await?;
    let version = |revision: i64| raw(doc! { "_id": "s", "revision": revision, "v": format!("v{revision}") });
    ensure!(!store.replace_if(OPS_SOURCES, "s", 1, version(2)?).await?, "replaced what is not there");
    store.insert(OPS_SOURCES, version(1)?).await?;
    ensure!(!store.replace_if(OPS_SOURCES, "s", 2, version(3)?).await?, "replaced another revision");
    let (left, right) = tokio::join!(
        store.replace_if(OPS_SOURCES, "s", 1, version(2)?),
        store.replace_if(OPS_SOURCES, "s", 1, version(2)?)
    );
    ensure!(left? != right?, "two replaced the same revision");
    ensure!(store.list(OPS_SOURCES, &Query::all()).await? == [version(2)?], "the replacement is not there");
    ensure_error!(store.replace_if(OPS_SOURCES, "t", 2, version(3)?).await, Error::Refused(_));
    Ok(())
}

pub(super) async fn deletion_takes_every_match<S: Ops>(store: &S) -> Outcome {
    store.ensure_ops().await?;
    for number in 0..6 {
        let document = doc! { "_id": number.to_string(), "family": number % 2 };
        put(store, OPS_REFRESH_TOKENS, document).await??;
    }
    let odd = Query::all().with(Condition::Eq("family".to_owned(), 1.into()));
    ensure_error!(store.delete(OPS_REFRESH_TOKENS, &odd.clone().limited(1)).await, Error::Refused(_));
    ensure!(store.delete(OPS_REFRESH_TOKENS, &odd).await? == 3, "wrong number deleted");
    ensure!(store.delete(OPS_REFRESH_TOKENS, &odd).await? == 0, "deleted twice");
    ensure!(store.list(OPS_REFRESH_TOKENS, &Query::all()).await?.len() == 3, "wrong documents are left");
    Ok(())
}

pub(super) async fn of_two_that_use_an_id_up_one_does<S: Ops>(store: &S) -> Outcome {
    store.ensure_ops().await?;
    let used = |expires: i64| doc! { "_id": expires.to_string(), "expires": expires };
    let (left, right) =
        tokio::join!(put(store, OPS_USED_SIGN_INS, used(10)), put(store, OPS_USED_SIGN_INS, used(10)));
    ensure!(left?.is_ok() != right?.is_ok(), "a sign-in came back twice, or never");
    put(store, OPS_USED_SIGN_INS, used(20)).await??;
    let over = Query::all().with(Condition::Lt("expires".to_owned(), 20_i64.into()));
    ensure!(
        store.delete(OPS_USED_SIGN_INS, &over).await? == 1,
        "what is over was not forgotten, or what is not"
    );
    ensure_error!(put(store, OPS_USED_SIGN_INS, used(20)).await?, Error::Duplicate { .. });
    Ok(())
}

pub(super) async fn operational_and_scoped_reads_are_apart<S: Ops + ScopedReads>(store: &S) -> Outcome {
    store.ensure_ops().await?;
    let everything = OrgTree::default().scope(Role::SuperAdmin, None);
    ensure_error!(store.read(OPS_USERS, &everything, &Query::all()).await, Error::Refused(_));
    ensure_error!(store.read_public(OPS_USERS, &Query::all()).await, Error::Refused(_));
    for scoped in [OPS_USERS, "canonical_accounts_g1", "serving_directory_g1"] {
        ensure_error!(store.evidence(scoped, &["a".to_owned()]).await, Error::Refused(_));
    }
    let facets = store.evidence("canonical_facets_g1", &["nothing".to_owned()]).await?;
    ensure!(facets.is_empty(), "something came from nothing");
    ensure_error!(store.list(C, &Query::all()).await, Error::Refused(_));
    ensure_error!(store.delete(C, &Query::all()).await, Error::Refused(_));
    ensure_error!(put(store, C, doc! { "_id": "a" }).await?, Error::Refused(_));
    Ok(())
}
