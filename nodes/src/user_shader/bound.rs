//! Every loop comes to an end: a counter that all loops of an invocation share.

use naga::{
    AddressSpace, Arena, BinaryOperator, Block, Expression, Function, GlobalVariable, Handle,
    Literal, Module, Range, Scalar, Span, Statement, Type, TypeInner,
};

/// Rounds that the loops of one pixel may make together. More than any picture needs (a blur over
/// 255 × 255 texels), and few enough that a device is not lost.
pub const MAX_ROUNDS: u32 = 65_536;

/// Statements that one call of the entry may make, each loop counted once: calls that call twice
/// what calls twice would take a device for ever, without a loop.
const MAX_STATEMENTS: u64 = 1 << 20;
/// Bytes of a type, and of the variables of a function together.
const MAX_VARIABLE_BYTES: u64 = 64 * 1024;

/// Refuses what costs a device too much without a loop. `module` is valid, so that functions come
/// before those that call them.
///
/// # Errors
/// Trees of calls, and types or variables, beyond measure.
pub fn check_costs(module: &Module) -> Result<(), String> {
    let bytes = |ty: Handle<Type>| {
        let size = module.types[ty].inner.try_size(module.to_ctx());
        size.map_or(u64::MAX, u64::from)
    };
    let too_long = |what: &str| {
        Err(format!("{what} takes more than {} KiB; make it smaller", MAX_VARIABLE_BYTES / 1024))
    };
    if module.types.iter().any(|(ty, _)| bytes(ty) > MAX_VARIABLE_BYTES) {
        return too_long("a type");
    }
    let globals =
        module.global_variables.iter().map(|(_, v)| bytes(v.ty)).fold(0, u64::saturating_add);
    if globals > MAX_VARIABLE_BYTES {
        return too_long("what stands outside functions");
    }
    let mut weights: Vec<u64> = Vec::new();
    let entries = module.entry_points.iter().map(|entry| &entry.function);
    for function in module.functions.iter().map(|(_, f)| f).chain(entries) {
        let name = function.name.as_deref().unwrap_or("the entry");
        let locals =
            function.local_variables.iter().map(|(_, v)| bytes(v.ty)).fold(0, u64::saturating_add);
        if locals > MAX_VARIABLE_BYTES {
            return too_long(&format!("the variables of `{name}`"));
        }
        let weight = weight(&function.body, &weights).saturating_add(1);
        if weight > MAX_STATEMENTS {
            return Err(format!(
                "`{name}` makes more than {MAX_STATEMENTS} steps by the functions that it calls; \
                 call fewer, or in a loop"
            ));
        }
        weights.push(weight);
    }
    Ok(())
}

/// Statements of a block with those of the functions that it calls.
fn weight(block: &Block, weights: &[u64]) -> u64 {
    let of = |block| weight(block, weights);
    let each = block.iter().map(|statement| match statement {
        Statement::Block(inner) => of(inner),
        Statement::If { accept, reject, .. } => of(accept).saturating_add(of(reject)),
        Statement::Switch { cases, .. } => {
            cases.iter().fold(0, |sum: u64, case| sum.saturating_add(of(&case.body)))
        }
        Statement::Loop { body, continuing, .. } => of(body).saturating_add(of(continuing)),
        Statement::Call { function, .. } => {
            weights.get(function.index()).copied().unwrap_or(MAX_STATEMENTS)
        }
        Statement::Emit(range) => range.clone().count() as u64,
        _ => 0,
    });
    each.fold(0, |sum, one| sum.saturating_add(one).saturating_add(1))
}

/// Lets every loop of `module` end once all loops of the invocation have made [`MAX_ROUNDS`].
/// Recursion is refused by the validator, so that no shader runs for ever.
pub fn bound_loops(module: &mut Module) {
    let ty = Type { name: None, inner: TypeInner::Scalar(Scalar::U32) };
    let ty = module.types.insert(ty, Span::UNDEFINED);
    let zero = Expression::Literal(Literal::U32(0));
    let zero = module.global_expressions.append(zero, Span::UNDEFINED);
    let counter = GlobalVariable {
        name: Some("user_rounds".into()),
        space: AddressSpace::Private,
        binding: None,
        ty,
        init: Some(zero),
        memory_decorations: naga::MemoryDecorations::empty(),
    };
    let counter = module.global_variables.append(counter, Span::UNDEFINED);
    let functions = module.functions.iter_mut().map(|(_, function)| function);
    let entries = module.entry_points.iter_mut().map(|entry| &mut entry.function);
    for function in functions.chain(entries) {
        let Function { body, expressions, .. } = function;
        bound_block(body, expressions, counter);
    }
}

fn bound_block(
    block: &mut Block,
    expressions: &mut Arena<Expression>,
    counter: Handle<GlobalVariable>,
) {
    for statement in block.iter_mut() {
        match statement {
            Statement::Block(inner) => bound_block(inner, expressions, counter),
            Statement::If { accept, reject, .. } => {
                bound_block(accept, expressions, counter);
                bound_block(reject, expressions, counter);
            }
            Statement::Switch { cases, .. } => {
                for case in cases {
                    bound_block(&mut case.body, expressions, counter);
                }
            }
            Statement::Loop { body, continuing, .. } => {
                bound_block(body, expressions, counter);
                bound_block(continuing, expressions, counter);
                body.splice(0..0, one_round(expressions, counter));
            }
            _ => {}
        }
    }
}

/// `if rounds >= MAX_ROUNDS { break; } rounds = rounds + 1;`
fn one_round(expressions: &mut Arena<Expression>, counter: Handle<GlobalVariable>) -> Block {
    let mut add = |expression| expressions.append(expression, Span::UNDEFINED);
    let pointer = add(Expression::GlobalVariable(counter));
    let limit = add(Expression::Literal(Literal::U32(MAX_ROUNDS)));
    let one = add(Expression::Literal(Literal::U32(1)));
    let rounds = add(Expression::Load { pointer });
    let op = BinaryOperator::GreaterEqual;
    let is_over = add(Expression::Binary { op, left: rounds, right: limit });
    let op = BinaryOperator::Add;
    let sum = add(Expression::Binary { op, left: rounds, right: one });
    Block::from_vec(vec![
        Statement::Emit(Range::new_from_bounds(rounds, sum)),
        Statement::If {
            condition: is_over,
            accept: Block::from_vec(vec![Statement::Break]),
            reject: Block::new(),
        },
        Statement::Store { pointer, value: sum },
    ])
}
