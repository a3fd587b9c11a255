//! Puts the meter into a program: every place where a program could do much for little is rewritten so that it pays.
//!
//! | in the program | becomes |
//! |---|---|
//! | `a \| b` | `a`, counted, `b` |
//! | `[…]`, `{…}`, `"\(…)"`, a call, an assignment | the same, its result weighed |
//! | `a + b`, `a < b` | the same, operands and result weighed |
//! | `a * b`, `a - b` | calls that know their cost beforehand |
//! | `a += b` | `b as $x \| a \|= . + $x` |
//! | `.[]`, `..` | the same, every item counted |
//! | `reduce`, `foreach` | the same, every round counted |
//!
//! What could run without end has no place in the language that is left: a definition may not call itself, and
//! functions are those of `natives` and of the prelude.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::{Part, Path};

use super::natives::{MINUS, PASS, TIMES, WEIGH};

/// Deepest nesting of a program.
const DEEPEST: usize = 200;
/// The variable of a rewritten `a += b`. No program can spell it.
const OPERAND: &str = "$!x";

type Jq<'s> = Term<&'s str>;

/// What a program does that it may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// A definition calls itself.
    Recursion(String),
    /// Nested too deep.
    Deep,
    /// A function that a mapping has not.
    Function(String),
}

/// Rewrites programs. `is_known` tells whether a function that is not defined in the program may be called.
pub(super) struct Rewrite<'s, 'f> {
    is_known: &'f dyn Fn(&str, usize) -> bool,
    /// The definitions around the present place.
    open: Vec<(&'s str, usize)>,
    /// What is defined or bound at the present place.
    local: Vec<(&'s str, usize)>,
    depth: usize,
}

impl<'s, 'f> Rewrite<'s, 'f> {
    pub fn new(is_known: &'f dyn Fn(&str, usize) -> bool) -> Self {
        Self { is_known, open: Vec::new(), local: Vec::new(), depth: 0 }
    }

    /// A definition with the meter in it.
    pub fn def(&mut self, def: Def<&'s str>) -> Result<Def<&'s str>, Refused> {
        let before = self.local.len();
        self.local.extend(def.args.iter().filter(|name| !name.starts_with('$')).map(|name| (*name, 0)));
        self.open.push((def.name, def.args.len()));
        let body = self.term(def.body)?;
        self.open.pop();
        self.local.truncate(before);
        Ok(Def { name: def.name, args: def.args, body })
    }

    /// A term with the meter in it.
    pub fn term(&mut self, term: Jq<'s>) -> Result<Jq<'s>, Refused> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Refused::Deep);
        }
        let rewritten = self.rewrite(term);
        self.depth -= 1;
        rewritten
    }

    fn rewrite(&mut self, term: Jq<'s>) -> Result<Jq<'s>, Refused> {
        Ok(match term {
            Term::Id | Term::Num(_) | Term::Break(_) | Term::Var(_) | Term::Arr(None) => term,
            Term::Recurse => then(term, call(PASS)),
            Term::Str(format, parts) => {
                if let Some(format) = format {
                    self.check_call(format, 0)?;
                }
                let parts = parts.into_iter().map(|part| self.part(part)).collect::<Result<_, _>>()?;
                then(Term::Str(format, parts), call(WEIGH))
            }
            Term::Arr(Some(items)) => then(Term::Arr(Some(self.boxed(*items)?)), call(WEIGH)),
            Term::Obj(fields) => then(Term::Obj(self.fields(fields)?), call(WEIGH)),
            Term::Neg(of) => Term::Neg(self.boxed(*of)?),
            Term::BinOp(left, op, right) => self.operation(*left, op, *right)?,
            Term::Label(name, body) => Term::Label(name, self.boxed(*body)?),
            Term::Fold(name, items, pattern, steps) => {
                let items = self.boxed(*items)?;
                let pattern = self.pattern(pattern)?;
                let steps = steps.into_iter().map(|step| Ok(then(call(PASS), self.term(step)?)));
                Term::Fold(name, items, pattern, steps.collect::<Result<_, _>>()?)
            }
            Term::TryCatch(body, handler) => {
                Term::TryCatch(self.boxed(*body)?, handler.map(|handler| self.boxed(*handler)).transpose()?)
            }
            Term::IfThenElse(cases, other) => {
                let cases = cases.into_iter().map(|(when, then)| Ok((self.term(when)?, self.term(then)?)));
                let cases = cases.collect::<Result<_, _>>()?;
                Term::IfThenElse(cases, other.map(|other| self.boxed(*other)).transpose()?)
            }
            Term::Def(defs, body) => self.local_defs(defs, *body)?,
            Term::Call(name, arguments) => {
                self.check_call(name, arguments.len())?;
                let arguments = arguments.into_iter().map(|argument| self.term(argument));
                let called = Term::Call(name, arguments.collect::<Result<_, _>>()?);
                then(call(WEIGH), then(called, call(WEIGH)))
            }
            Term::Path(base, path) => self.path(*base, path)?,
        })
    }

    fn boxed(&mut self, term: Jq<'s>) -> Result<Box<Jq<'s>>, Refused> {
        self.term(term).map(Box::new)
    }

    fn part(&mut self, part: StrPart<&'s str, Jq<'s>>) -> Result<StrPart<&'s str, Jq<'s>>, Refused> {
        Ok(match part {
            StrPart::Term(term) => StrPart::Term(self.term(term)?),
            plain => plain,
        })
    }

    fn fields(
        &mut self,
        fields: Vec<(Jq<'s>, Option<Jq<'s>>)>,
    ) -> Result<Vec<(Jq<'s>, Option<Jq<'s>>)>, Refused> {
        let field = |(key, value): (Jq<'s>, Option<Jq<'s>>)| {
            // `{$a}` is meant as it stands: its key is the variable's name.
            let as_it_is = is_plain_text(&key) || (value.is_none() && matches!(key, Term::Var(_)));
            let key = if as_it_is { key } else { self.term(key)? };
            Ok((key, value.map(|value| self.term(value)).transpose()?))
        };
        fields.into_iter().map(field).collect()
    }

    fn pattern(&mut self, pattern: Pattern<&'s str>) -> Result<Pattern<&'s str>, Refused> {
        Ok(match pattern {
            Pattern::Var(name) => Pattern::Var(name),
            Pattern::Arr(items) => {
                let items = items.into_iter().map(|item| self.pattern(item));
                Pattern::Arr(items.collect::<Result<_, _>>()?)
            }
            Pattern::Obj(fields) => {
                let fields = fields.into_iter().map(|(key, item)| {
                    let key = if is_plain_text(&key) { key } else { self.term(key)? };
                    Ok((key, self.pattern(item)?))
                });
                Pattern::Obj(fields.collect::<Result<_, _>>()?)
            }
        })
    }

    fn local_defs(&mut self, defs: Vec<Def<&'s str>>, body: Jq<'s>) -> Result<Jq<'s>, Refused> {
        let before = self.local.len();
        let mut metered = Vec::with_capacity(defs.len());
        for def in defs {
            let signature = (def.name, def.args.len());
            metered.push(self.def(def)?);
            self.local.push(signature);
        }
        let body = self.boxed(body)?;
        self.local.truncate(before);
        Ok(Term::Def(metered, body))
    }

    fn check_call(&self, name: &'s str, arity: usize) -> Result<(), Refused> {
        if self.open.contains(&(name, arity)) {
            return Err(Refused::Recursion(format!("{name}/{arity}")));
        }
        if self.local.contains(&(name, arity)) || (self.is_known)(name, arity) {
            return Ok(());
        }
        Err(Refused::Function(format!("{name}/{arity}")))
    }

    fn operation(&mut self, left: Jq<'s>, op: BinaryOp<&'s str>, right: Jq<'s>) -> Result<Jq<'s>, Refused> {
        let (left, right) = (self.term(left)?, self.term(right)?);
        let counted = |term| then(call(PASS), term);
        let weighed = |term| then(term, call(WEIGH));
        Ok(match op {
            BinaryOp::Pipe(None) => then(left, counted(right)),
            BinaryOp::Pipe(Some(pattern)) => {
                let pattern = self.pattern(pattern)?;
                operation(left, BinaryOp::Pipe(Some(pattern)), counted(right))
            }
            BinaryOp::Math(math) => arithmetic(weighed(left), math, weighed(right)),
            BinaryOp::Cmp(_) => operation(weighed(left), op, weighed(right)),
            BinaryOp::Update => weighed(operation(left, op, counted(right))),
            BinaryOp::UpdateMath(math) => {
                let changed = arithmetic(weighed(Term::Id), math, weighed(Term::Var(OPERAND)));
                let update = weighed(operation(left, BinaryOp::Update, changed));
                operation(right, BinaryOp::Pipe(Some(Pattern::Var(OPERAND))), update)
            }
            BinaryOp::Assign | BinaryOp::UpdateAlt => weighed(operation(left, op, right)),
            BinaryOp::Comma | BinaryOp::Alt | BinaryOp::Or | BinaryOp::And => operation(left, op, right),
        })
    }

    /// Cuts a path before each iteration, so that what is iterated is charged, and counts what comes out.
    fn path(&mut self, base: Jq<'s>, path: Path<Jq<'s>>) -> Result<Jq<'s>, Refused> {
        let mut term = self.term(base)?;
        let mut parts = Vec::new();
        for (part, option) in path.0 {
            match part {
                Part::Index(index) => {
                    let index = if is_plain_text(&index) { index } else { self.term(index)? };
                    parts.push((Part::Index(index), option));
                }
                Part::Range(from, to) => {
                    if !parts.is_empty() {
                        term = Term::Path(Box::new(term), Path(std::mem::take(&mut parts)));
                    }
                    let bound = |bound: Option<Jq<'s>>| bound.map(|bound| self.term(bound)).transpose();
                    let mut bounds = [from, to].into_iter().map(bound);
                    let (from, to) =
                        (bounds.next().transpose()?.flatten(), bounds.next().transpose()?.flatten());
                    let iterated = Path(vec![(Part::Range(from, to), option)]);
                    let before = Box::new(then(term, call(PASS)));
                    term = then(Term::Path(before, iterated), call(PASS));
                }
            }
        }
        Ok(if parts.is_empty() { term } else { Term::Path(Box::new(term), Path(parts)) })
    }
}

/// A text without anything to compute in it.
fn is_plain_text(term: &Jq<'_>) -> bool {
    matches!(term, Term::Str(None, parts) if parts.iter().all(|part| !matches!(part, StrPart::Term(_))))
}

fn call<'s>(name: &'s str) -> Jq<'s> {
    Term::Call(name, Vec::new())
}

fn operation<'s>(left: Jq<'s>, op: BinaryOp<&'s str>, right: Jq<'s>) -> Jq<'s> {
    Term::BinOp(Box::new(left), op, Box::new(right))
}

fn then<'s>(left: Jq<'s>, right: Jq<'s>) -> Jq<'s> {
    operation(left, BinaryOp::Pipe(None), right)
}

fn arithmetic<'s>(left: Jq<'s>, math: Math, right: Jq<'s>) -> Jq<'s> {
    let result = match math {
        Math::Mul => Term::Call(TIMES, vec![left, right]),
        Math::Sub => Term::Call(MINUS, vec![left, right]),
        Math::Add | Math::Div | Math::Rem => operation(left, BinaryOp::Math(math), right),
    };
    then(result, call(WEIGH))
}
