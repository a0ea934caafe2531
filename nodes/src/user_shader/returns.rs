//! What functions return, as GLSL's drivers let them: zeros where they forget to, and whole numbers
//! where a real one is due.

use std::collections::HashSet;

use naga::front::Typifier;
use naga::proc::ResolveContext;
use naga::{
    Arena, Block, Expression, Function, Handle, Module, Range, Scalar, ScalarKind, Span, Statement,
    TypeInner,
};

/// Makes every return of `module` give its function's type.
pub fn mend_returns(module: &mut Module) {
    let whole: Vec<_> = module.functions.iter().map(|(_, f)| whole_numbers(module, f)).collect();
    for ((_, function), whole) in module.functions.iter_mut().zip(whole) {
        let Some(ty) = function.result.as_ref().map(|result| result.ty) else { continue };
        let zero = function.expressions.append(Expression::ZeroValue(ty), Span::UNDEFINED);
        mend(&mut function.body, &mut function.expressions, zero, &whole);
    }
}

/// The expressions of a function of real numbers that are whole numbers.
fn whole_numbers(module: &Module, function: &Function) -> HashSet<Handle<Expression>> {
    let mut found = HashSet::new();
    let result = function.result.as_ref().map(|result| &module.types[result.ty].inner);
    if !matches!(result, Some(TypeInner::Scalar(Scalar::F32))) {
        return found;
    }
    let locals = &function.local_variables;
    let context = ResolveContext::with_locals(module, locals, &function.arguments);
    let mut types = Typifier::new();
    for (handle, _) in function.expressions.iter() {
        if types.grow(handle, &function.expressions, &context).is_err() {
            return found;
        }
        if let TypeInner::Scalar(scalar) = types.get(handle, &module.types)
            && matches!(scalar.kind, ScalarKind::Sint | ScalarKind::Uint)
        {
            found.insert(handle);
        }
    }
    found
}

fn mend(
    block: &mut Block,
    expressions: &mut Arena<Expression>,
    zero: Handle<Expression>,
    whole: &HashSet<Handle<Expression>>,
) {
    let mut i = 0;
    while i < block.len() {
        match &mut block[i] {
            Statement::Return { value: value @ None } => *value = Some(zero),
            Statement::Return { value: Some(value) } if whole.contains(value) => {
                let real =
                    Expression::As { expr: *value, kind: ScalarKind::Float, convert: Some(4) };
                *value = expressions.append(real, Span::UNDEFINED);
                let emit = Statement::Emit(Range::new_from_bounds(*value, *value));
                block.splice(i..i, Block::from_vec(vec![emit]));
                i += 1;
            }
            Statement::Block(inner) => mend(inner, expressions, zero, whole),
            Statement::If { accept, reject, .. } => {
                mend(accept, expressions, zero, whole);
                mend(reject, expressions, zero, whole);
            }
            Statement::Switch { cases, .. } => {
                cases.iter_mut().for_each(|case| mend(&mut case.body, expressions, zero, whole));
            }
            Statement::Loop { body, continuing, .. } => {
                mend(body, expressions, zero, whole);
                mend(continuing, expressions, zero, whole);
            }
            _ => {}
        }
        i += 1;
    }
}
