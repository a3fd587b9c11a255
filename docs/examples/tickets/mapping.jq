# Deals, stages and sellers of a ticket system, in SalesCommand's words. Comments are records that say nothing here.
def ref($object): if . == null then null else {object: $object, key: tostring} end;

.object as $object | .payload |
if $object == "seller" then {kind: "user", name: .name, email: .mail}
elif $object == "column" then {kind: "stage", name: .title, order: .position, is_won: (.done // false)}
elif $object == "customer" then {kind: "account", name: .name, website: .site}
elif $object == "deal" then {
    kind: "opportunity",
    name: .title,
    amount: (if .value == null then null else {value: .value, currency: .currency} end),
    probability: (if .chance == null then null else .chance / 100 end),
    stage: (.column | ref("column")),
    owner: (.seller | ref("seller")),
    customer: (.customer | ref("customer")),
    close_date: (if .due == null then null else .due[:10] end),
    created_at: .opened,
    status: (if .rejected then "lost" else null end),
    closed_at: .closed
}
else null end
