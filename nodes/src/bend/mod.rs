//! Network bending: changes of a generator's features on their way to the picture. Each node adds
//! one bend to the list that it takes; the generator applies the list in its order.

mod shared;

pub mod ablate;
pub mod add;
pub mod blur;
pub mod flip;
pub mod invert;
pub mod morphology;
pub mod rotate;
pub mod scale;
pub mod sharpen;
pub mod shear;
pub mod threshold;
pub mod translate;
pub mod zoom;
