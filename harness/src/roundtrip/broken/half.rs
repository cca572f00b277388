//! The count that was ordered is ignored: half of it is done.

use super::CLAIM;
use crate::roundtrip::{
    order::Order,
    pair::{Driver, Joint, OrderSeen},
    registry::Mechanism,
};
use hdrhistogram::Histogram;
use std::io;

pub(super) const ROW: Mechanism = Mechanism {
    name: "broken-half",
    help: "broken: it does half of what was ordered",
    joint: Joint {
        start: |setting, nature| Ok(Box::new(Half((CLAIM.joint.start)(setting, nature)?))),
        far: CLAIM.joint.far,
    },
    ..CLAIM
};

struct Half(Box<dyn Driver>);

impl Driver for Half {
    fn order(&mut self, order: Order, times: &mut Histogram<u64>) -> io::Result<OrderSeen> {
        let seen = self.0.order(Order { count: order.count.div_ceil(2), ..order }, times)?;
        Ok(OrderSeen { ordered: order.count, ..seen })
    }

    fn buffer_bytes(&self) -> Option<u64> {
        self.0.buffer_bytes()
    }
}
