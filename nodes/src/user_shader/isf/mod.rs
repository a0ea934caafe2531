//! Shaders in the Interactive Shader Format, version 2 (<https://github.com/mrRay/ISF_Spec>).

mod expr;
mod glsl;
mod header;
mod macros;

pub(crate) use expr::Expr;

use super::Language;

/// ISF.
pub(crate) const LANGUAGE: Language = Language { declare: header::declare, compile: glsl::compile };
