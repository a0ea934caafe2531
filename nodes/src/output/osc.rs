//! `output.osc`

use std::any::Any;
use std::sync::Arc;

use lumawire_core::outbox::{MAX_MESSAGE_LEN, Numbers, OutPort, Outbox, Refused};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Value,
};

const TRIGGER: usize = 1;
const ADDRESS: usize = 0;
const HOST: usize = 1;
const PORT: usize = 2;
const WHEN: usize = 3;
const ONLY_CHANGES: usize = 4;
const EVERY_FRAME: usize = 1;

const INPUTS: &[Port] = &[
    Port::optional("control", PortType::Control, "Sent as one real number."),
    Port::optional("trigger", PortType::Trigger, "Sent as the number of hits, whenever it came."),
    Port::optional("chroma", PortType::Chroma, "The latest row, `[12]`."),
    Port::optional("bands", PortType::Bands, "The latest row, `[bands]`."),
    Port::optional(
        "spectrum",
        PortType::Spectrum,
        "Magnitudes of the latest row, `[n_fft/2 + 1]`, not scaled.",
    ),
    Port::optional("latent", PortType::Latent, "All values, row after row, `[num_ws · dim]`."),
];
const NUM_INPUTS: usize = INPUTS.len();

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "output.osc",
    version: 1,
    label: "OSC out",
    doc: "Tells other programs what happens in the patch, by OSC 1.0 over UDP, while it plays live. \
          One wired input goes to the address as it is; of several, each goes to the address with \
          the input's name after it, such as `/lumawire/out/control`. A patch reaches programs of \
          this machine; other machines must be allowed by `lumawire run --osc-send`. A render \
          sends nothing.",
    rate: Rate::Inherit,
    role: Role::Sink,
    inputs: INPUTS,
    outputs: &[],
    params: &[
        Param::text("address", "Address", "/lumawire/out")
            .rebuild()
            .doc("OSC address of the messages."),
        Param::text("host", "Host", "127.0.0.1")
            .rebuild()
            .doc("Name or IP address of the machine that hears them."),
        Param::int("port", "Port", 9_000, (1_024, 65_535))
            .hard_int(1, 65_535)
            .rebuild()
            .doc("Its UDP port."),
        Param::choice("when", "When", &["every_tick", "every_frame"])
            .doc("At every block or frame, whichever the inputs have, or no oftener than frames."),
        Param::switch("only_changes", "Only changes", true)
            .doc("Whether what stays the same is sent once. Triggers are always sent."),
    ],
    build: || Box::new(OscOut::default()),
};

/// State of `output.osc`.
#[derive(Default)]
struct OscOut {
    outbox: Option<Arc<Outbox>>,
    /// For a single input, then for each among several.
    ports: Vec<Arc<OutPort>>,
    /// What was sent last, by input.
    sent: [Vec<f32>; NUM_INPUTS],
    row: Vec<f32>,
    hits: u32,
    last_frame: Option<u64>,
}

impl Node for OscOut {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.outbox = cx.services.get::<Outbox>();
        let (address, host) = (cx.params.text(ADDRESS), cx.params.text(HOST));
        let port = u16::try_from(cx.params.int(PORT)).unwrap_or(u16::MAX);
        // Where nothing is sent, what would be refused is found all the same.
        let nobody = Outbox::new(Vec::new());
        let outbox = self.outbox.as_deref().unwrap_or(&nobody);
        let of_input = INPUTS.iter().map(|input| format!("{address}/{}", input.id));
        let addresses = std::iter::once(address.to_owned()).chain(of_input);
        let ports: Result<_, _> = addresses.map(|a| outbox.port(host, port, &a)).collect();
        match ports {
            Ok(ports) => self.ports = ports,
            Err(error @ Refused::Address(_)) => {
                return Err(NodeError::param("address", error));
            }
            Err(error) if self.outbox.is_some() => return Err(NodeError::param("host", error)),
            Err(_) => {}
        }
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(outbox) = self.outbox.clone() else { return Ok(()) };
        self.hits = self.hits.saturating_add(io.inputs.trigger(TRIGGER));
        let frame = io.tick.clock.frames_in(io.tick.sample + 1);
        if io.params.choice(WHEN) == EVERY_FRAME && self.last_frame == Some(frame) {
            return Ok(());
        }
        self.last_frame = Some(frame);
        let is_alone = (0..NUM_INPUTS).filter(|i| io.inputs.is_wired(*i)).count() == 1;
        let only_changes = io.params.switch(ONLY_CHANGES);
        let mut fault = None;
        for (i, input) in INPUTS.iter().enumerate() {
            let Some(port) = self.ports.get(if is_alone { 0 } else { i + 1 }) else { continue };
            if i == TRIGGER {
                if self.hits > 0 {
                    let hits = i32::try_from(self.hits).unwrap_or(i32::MAX);
                    outbox.send(port, Numbers::Whole(hits));
                    self.hits = 0;
                }
                continue;
            }
            self.row.clear();
            fill(&mut self.row, io.inputs.value(i));
            if self.row.is_empty() || only_changes && self.row == self.sent[i] {
                continue;
            }
            if self.row.len() > MAX_MESSAGE_LEN {
                let reason = format!("has more than {MAX_MESSAGE_LEN} values: too many to send");
                fault = Some(NodeError::input(input.id, reason));
                continue;
            }
            outbox.send(port, Numbers::Real(&self.row));
            self.sent[i].clear();
            self.sent[i].extend_from_slice(&self.row);
        }
        fault.map_or(Ok(()), Err)
    }

    fn reset(&mut self) {
        self.sent.iter_mut().for_each(Vec::clear);
        (self.hits, self.last_frame) = (0, None);
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        // Hits that wait go on; all values go to the new address at once.
        if let Some(old) = old.downcast_mut::<Self>() {
            self.hits = old.hits;
        }
    }
}

/// The numbers of a value; what is not finite is 0.
fn fill(row: &mut Vec<f32>, value: &Value) {
    match value {
        Value::Control(v) => row.push(*v),
        Value::Chroma(rows) | Value::Bands(rows) => {
            row.extend_from_slice(rows.latest().unwrap_or_default());
        }
        Value::Spectrum(spectrum) => {
            let bins = spectrum.hops.latest().unwrap_or_default();
            row.extend(bins.iter().map(|bin| bin.norm()));
        }
        Value::Latent(latent) => row.extend_from_slice(&latent.data),
        _ => {}
    }
    row.iter_mut().filter(|v| !v.is_finite()).for_each(|v| *v = 0.0);
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::outbox::{Allowed, Batch};
    use lumawire_core::{Bands, Chroma, Latent, Services, Space};

    use super::*;

    fn services(allowed: Vec<Allowed>) -> (Services, Arc<Outbox>) {
        let (services, outbox) = (Services::default(), Arc::new(Outbox::new(allowed)));
        services.insert(outbox.clone());
        (services, outbox)
    }

    fn sent(outbox: &Outbox) -> Vec<(String, Vec<f32>)> {
        let mut batch = Batch::default();
        outbox.take(&mut batch);
        let numbers = |numbers| match numbers {
            Numbers::Whole(n) => vec![n as f32],
            Numbers::Real(reals) => reals.to_vec(),
        };
        batch.iter().map(|(to, n)| (to.address().to_owned(), numbers(n))).collect()
    }

    #[test]
    fn one_input_goes_to_the_address_itself_and_only_when_it_changes() {
        let (services, outbox) = services(Vec::new());
        let node = Harness::new(&SPEC).param("address", "/kick").services(&services);
        let mut node = node.prepare().unwrap();
        for v in [0.5, 0.5, f32::NAN, 0.25] {
            node.input("control", Value::Control(v));
            node.tick().unwrap();
        }
        let at = |v: f32| ("/kick".to_owned(), vec![v]);
        assert_eq!(sent(&outbox), [at(0.5), at(0.0), at(0.25)]);
        node.set_param("only_changes", false);
        node.tick().unwrap();
        node.tick().unwrap();
        assert_eq!(sent(&outbox), [at(0.25), at(0.25)]);
    }

    #[test]
    fn several_inputs_have_addresses_of_their_own() {
        let (services, outbox) = services(Vec::new());
        let node = Harness::new(&SPEC).param("address", "/out").services(&services);
        let mut node = node.prepare().unwrap();
        let (mut chroma, mut bands) = (Chroma::default(), Bands::default());
        chroma.begin(12);
        chroma.push().fill(0.25);
        bands.begin(3);
        bands.push().copy_from_slice(&[1.0, 2.0, 3.0]);
        let latent = Latent { space: Space::W, dim: 2, data: vec![-1.0, 1.0] };
        node.input("chroma", Value::Chroma(chroma.into()));
        node.input("bands", Value::Bands(bands.into()));
        node.input("latent", Value::Latent(latent.into()));
        node.input("trigger", Value::Trigger(2));
        node.tick().unwrap();
        let expected = [
            ("/out/trigger".to_owned(), vec![2.0]),
            ("/out/chroma".to_owned(), vec![0.25; 12]),
            ("/out/bands".to_owned(), vec![1.0, 2.0, 3.0]),
            ("/out/latent".to_owned(), vec![-1.0, 1.0]),
        ];
        assert_eq!(sent(&outbox), expected);
        node.tick().unwrap();
        assert_eq!(sent(&outbox), expected[..1], "the hits come again, nothing else changed");
    }

    #[test]
    fn at_every_frame_hits_of_all_its_blocks_are_counted() {
        let (services, outbox) = services(Vec::new());
        let node = Harness::new(&SPEC).param("when", "every_frame").services(&services);
        let mut node = node.prepare().unwrap();
        node.input("trigger", Value::Trigger(1));
        // Blocks of 256 samples at 48 kHz: a new frame of 60 a second every 3 or 4 of them.
        for _ in 0..30 {
            node.tick().unwrap();
        }
        let hits: Vec<f32> = sent(&outbox).into_iter().map(|(_, v)| v[0]).collect();
        assert!((9..=11).contains(&hits.len()), "{hits:?}");
        assert!(hits.iter().skip(1).all(|n| [3.0, 4.0].contains(n)), "{hits:?}");
    }

    #[test]
    fn it_says_why_it_may_not_send() {
        let (services, _) = services(vec![Allowed { host: "10.0.0.5".into(), port: None }]);
        let to = |host: &str| Harness::new(&SPEC).param("host", host).services(&services).prepare();
        assert!(to("10.0.0.5").is_ok());
        let error = to("10.0.0.6").err().unwrap().to_string();
        assert!(error.contains("--osc-send 10.0.0.6:9000"), "{error}");
        let node = Harness::new(&SPEC).param("address", "out").services(&services);
        assert!(node.prepare().err().unwrap().to_string().contains("no OSC address"));
        // A render sends nothing, wherever the patch would like to.
        let mut node = Harness::new(&SPEC).param("host", "10.0.0.6").prepare().unwrap();
        node.input("control", Value::Control(1.0));
        node.tick().unwrap();
    }
}
