//! Mechanisms that are broken on purpose, one for each way in which published tables of this kind went wrong. They are
//! hidden: a plan runs one only by naming it. A test shows that the audit flags each.

use super::registry::Mechanism;

pub(super) static ALL: &[Mechanism] = &[];
