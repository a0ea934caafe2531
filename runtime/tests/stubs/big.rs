//! A graph of many cheap nodes, for measuring the engine itself.

use lumawire_core::plan::Plan;

/// `num_nodes` nodes at block rate, in 20 chains of adders fed by one stateful node; every third
/// one is modulated by its neighbour in the chain before.
pub fn cheap(num_nodes: usize) -> Plan {
    let num_chains = 20;
    let length = (num_nodes - 3) / num_chains;
    let mut nodes = vec![
        r#""pole": { "kind": "stub.pole@1" }"#.to_owned(),
        r#""sum": { "kind": "stub.add@1" }"#.to_owned(),
        r#""sink": { "kind": "stub.sink@1" }"#.to_owned(),
    ];
    let mut wires = vec!["sum.out -> sink.watch".to_owned()];
    for chain in 0..num_chains {
        let mut last = "pole".to_owned();
        for i in 0..length {
            let id = format!("n{chain}_{i}");
            nodes
                .push(format!(r#""{id}": {{ "kind": "stub.add@1", "params": {{ "add": 0.5 }} }}"#));
            wires.push(format!("{last}.out -> {id}.in"));
            if chain > 0 && i % 3 == 0 {
                wires.push(format!("n{}_{i}.out -> {id}.add * 0.25", chain - 1));
            }
            last = id;
        }
        wires.push(format!("{last}.out -> sum.add"));
    }
    let wires: Vec<&str> = wires.iter().map(String::as_str).collect();
    super::plan(&nodes.join(", "), &wires)
}
