//! Every loop comes to an end: a counter that all loops of an invocation share.

use naga::{
    AddressSpace, Arena, BinaryOperator, Block, Expression, Function, GlobalVariable, Handle,
    Literal, Module, Range, Scalar, Span, Statement, Type, TypeInner,
};

/// Rounds that the loops of one pixel may make together. More than any picture needs (a blur over
/// 255 × 255 texels), and few enough that a device is not lost.
pub const MAX_ROUNDS: u32 = 65_536;

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
