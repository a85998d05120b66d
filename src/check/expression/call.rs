//! Calls in expressions: built-in functions, and functions of users, which are written out.

use super::Resolver;
use super::context::{Key, circular};
use crate::check::codes::{
    ARITY, CONSTANT_TENSOR, NOT_YET, UNKNOWN_FUNCTION, UNKNOWN_NAME, WRONG_KIND,
};
use crate::check::modules::{Entry, Found, with_meant};
use crate::check::rule::{Expr, Function};
use crate::check::sink::{Checked, Stop};
use crate::diagnostic::{Diagnostic, closest};
use crate::syntax::ast;

/// Functions of the language that no shipped rule needs yet.
const NOT_YET_FUNCTIONS: [&str; 2] = ["ordered", "varying_axis"];

impl<'a> Resolver<'_, 'a> {
    pub(super) fn call(&mut self, call: &'a ast::Call) -> Checked<Expr> {
        let name = call.function.text.as_str();
        match self.cx.modules.find(self.module, name) {
            Some(found) => match found.entry {
                Entry::Function(function) => self.written_out(call, found, function),
                Entry::Broken => Err(Stop),
                other => self.stop(
                    Diagnostic::error(
                        WRONG_KIND,
                        format!("`{name}` is {}, not a function", other.kind()),
                    )
                    .primary(call.function.span, "called here")
                    .secondary(found.span, "defined here"),
                ),
            },
            None => match Function::from_name(name) {
                Some(function) => self.built_in(call, function),
                None if NOT_YET_FUNCTIONS.contains(&name) => self.stop(
                    Diagnostic::error(
                        NOT_YET,
                        format!("`{name}` comes with the rules for ONNX that need it"),
                    )
                    .primary(call.function.span, "called here")
                    .help(format!(
                        "these functions stand: {}",
                        Function::names().collect::<Vec<_>>().join(", ")
                    )),
                ),
                None => {
                    let meant = closest(name, Function::names()).map(str::to_owned);
                    let meant = meant.or_else(|| self.cx.modules.meant(self.module, name));
                    self.stop(with_meant(
                        Diagnostic::error(
                            UNKNOWN_FUNCTION,
                            format!("no function is named `{name}`"),
                        )
                        .primary(call.function.span, "not found"),
                        meant.as_deref(),
                    ))
                }
            },
        }
    }

    fn built_in(&mut self, call: &'a ast::Call, function: Function) -> Checked<Expr> {
        if let Some(named) = call.args.iter().find_map(|arg| arg.name.as_ref()) {
            return self.stop(
                Diagnostic::error(
                    UNKNOWN_NAME,
                    format!("`{}` has no argument named `{named}`", function.name()),
                )
                .primary(named.span, "not found")
                .help("write arguments of built-in functions by position"),
            );
        }
        if function == Function::Tensor && !self.writes {
            return self.stop(
                Diagnostic::error(
                    CONSTANT_TENSOR,
                    "`tensor` makes a constant on a written side",
                )
                .primary(call.span, "nothing is written here")
                .help("leave `tensor` out: facts about what is computed are known without it"),
            );
        }
        let arity = function.arity();
        if !arity.contains(&call.args.len()) {
            return self.stop(
                Diagnostic::error(
                    ARITY,
                    format!(
                        "`{}` takes {}, {} written",
                        function.name(),
                        arguments(*arity.start(), *arity.end()),
                        are(call.args.len())
                    ),
                )
                .primary(call.span, "here"),
            );
        }
        if function.is_about_the_model() && !self.in_pipeline {
            let name = function.name();
            return self.stop(
                Diagnostic::error(WRONG_KIND, format!("`{name}` asks about the model"))
                    .primary(call.span, "only steps of a pipeline know it")
                    .help("ask in an `if` or a `demand` of the pipeline"),
            );
        }
        let arguments: Checked<Vec<Expr>> = call
            .args
            .iter()
            .map(|arg| self.resolve(&arg.value))
            .collect();
        Ok(Expr::Call(function, arguments?))
    }

    fn written_out(
        &mut self,
        call: &'a ast::Call,
        found: Found<'a>,
        function: &'a ast::Function,
    ) -> Checked<Expr> {
        let name = function.name.text.as_str();
        if self.calls.contains(&(found.module, name)) {
            return self.stop(circular(name, function.name.span));
        }
        let mut given: Vec<Option<Expr>> = vec![None; function.params.len()];
        for (position, arg) in call.args.iter().enumerate() {
            let place = match &arg.name {
                None => Some(position),
                Some(name) => function
                    .params
                    .iter()
                    .position(|param| Key::of(param).name == name.text),
            };
            let value = self.resolve(&arg.value)?;
            match place.and_then(|place| given.get_mut(place)) {
                Some(slot @ None) => *slot = Some(value),
                Some(Some(_)) => {
                    return self.stop(
                        Diagnostic::error(ARITY, "this argument is written twice")
                            .primary(arg.span, "the second"),
                    );
                }
                None => return self.wrong_number(call, function),
            }
        }
        let Some(given) = given.into_iter().collect::<Option<Vec<Expr>>>() else {
            return self.wrong_number(call, function);
        };
        let mut body = Resolver::new(self.cx, found.module);
        body.depth = self.depth;
        body.writes = self.writes;
        body.in_pipeline = self.in_pipeline;
        body.calls = self.calls.clone();
        body.calls.push((found.module, name));
        for (param, value) in function.params.iter().zip(given) {
            body.bind(Key::of(param), value);
        }
        body.resolve(&function.body)
    }

    fn wrong_number<T>(&self, call: &'a ast::Call, function: &'a ast::Function) -> Checked<T> {
        let params: Vec<String> = function
            .params
            .iter()
            .map(|param| Key::of(param).to_string())
            .collect();
        let n = params.len();
        self.stop(
            Diagnostic::error(
                ARITY,
                format!(
                    "`{}` takes {}, {} written",
                    function.name,
                    arguments(n, n),
                    are(call.args.len())
                ),
            )
            .primary(call.span, "here")
            .secondary(
                function.name.span,
                format!("defined with ({})", params.join(", ")),
            ),
        )
    }
}

fn arguments(least: usize, most: usize) -> String {
    match (least, most) {
        (1, 1) => "one argument".to_owned(),
        (least, usize::MAX) => format!("at least {least} arguments"),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    }
}

fn are(n: usize) -> String {
    match n {
        0 => "none is".to_owned(),
        1 => "one is".to_owned(),
        n => format!("{n} are"),
    }
}
