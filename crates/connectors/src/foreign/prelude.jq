# The part of jq's own definitions that a mapping may use. Nothing in it calls itself, reads a clock or the
# machine, or yields without end.
def empty: [] | .[];
def error: error_empty as $x | .;
def error(msgs): (msgs | error_empty) as $x | .;
def null: [] | .[0];
def true: 0 == 0;
def false: 0 != 0;
def not: if . then false else true end;
def select(f): if f then . else empty end;
def tostring: "\(.)";

def isboolean: . == true or . == false;
def isnumber: . > true and . < "";
def isstring: . >= "" and . < [];
def isarray: . >= [] and . < {};
def isobject: . >= {};
def type:
    if . == null then "null"
  elif isboolean then "boolean"
  elif . < "" then "number"
  elif . < [] then "string"
  elif . < {} then "array"
  else "object" end;
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(isboolean);
def numbers: select(isnumber);
def strings: select(isstring);
def arrays: select(isarray);
def objects: select(isobject);
def iterables: select(. >= []);
def scalars: select(. < []);
def abs: if . < 0 then - . else . end;

def range(from; to): range(from; to; 1);
def range(to): range(0; to; 1);
def recurse: ..;

def getpath($path): reduce $path[] as $p (.; .[$p]);
def setpath($path; $x): getpath($path) = $x;
def paths: skip(1; path(..));
def map(f): [.[] | f];
def map_values(f): .[] |= f;
def walk(f): .. |= f;
def del(f): f |= empty;
def first: .[0];
def last: .[-1];
def nth(n): .[n];
def add(f): reduce f as $x (null; . + $x);
def add: add(.[]);
def join($s): [.[] | tostring] | reduce .[] as $x (null; if . == null then $x else . + $s + $x end) | if . == null then "" else . end;
def split($s): . / $s;
def keys: keys_unsorted | sort;
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);

def min_by(f): reduce min_by_or_empty(f) as $x (null; $x);
def max_by(f): reduce max_by_or_empty(f) as $x (null; $x);
def min: min_by(.);
def max: max_by(.);
def unique_by(f): [group_by(f)[] | .[0]];
def unique: unique_by(.);

def to_entries: [key_values[] as [$key, $value] | {key: $key, value: $value}];
def from_entries: reduce (.[] | {(.key): .value}) as $x ({}; . + $x);
def with_entries(f): to_entries | map(f) | from_entries;

def isempty(g): first((g | false), true);
def all(g; cond): isempty(g | cond and empty);
def any(g; cond): isempty(g | cond or empty) | not;
def all(cond): all(.[]; cond);
def any(cond): any(.[]; cond);
def all: all(.[]; .);
def any: any(.[]; .);
def @text: tostring;
def @json: tojson;
