use burn::nn::Linear;

use super::graph::{Graph, Setting, Value};
use crate::arch::{Direction, Recurrent, RecurrentCell};

/// The states of both directions at every step: `[batch, steps, features]` to `[batch, steps, 2 * hidden]`.
pub(super) fn states(graph: &mut Graph, at: &str, network: &Recurrent, sequence: &Value) -> Value {
    let mut current = sequence.clone();
    for (number, layer) in network.layers.iter().enumerate() {
        let at = format!("{at}.layers.{number}");
        let directions = [&layer.forward, &layer.backward];
        let hidden = layer.forward.hidden.weight.dims()[0];
        let gates = layer.forward.cell.gates();
        // Both directions, one after the other.
        let mut stacked = |name: &str, part: fn(&Direction) -> &Linear| {
            let name = format!("{at}.{name}");
            let features = part(directions[0]).weight.dims()[0];
            let mut values = Vec::with_capacity(2 * gates * hidden * features);
            for direction in directions {
                // A row for each output.
                let rows = graph.read(&name, part(direction).weight.val().transpose());
                values.extend(in_order(direction.cell, &rows, features * hidden));
            }
            graph.numbers(&name, &[2, gates * hidden, features], &values)
        };
        let of_input = stacked("input", |direction| &direction.input);
        let of_state = stacked("hidden", |direction| &direction.hidden);
        let name = format!("{at}.bias");
        let mut values = Vec::with_capacity(4 * gates * hidden);
        for direction in directions {
            for part in [&direction.input, &direction.hidden] {
                let bias = match &part.bias {
                    Some(bias) => graph.read(&name, bias.val()),
                    None => vec![0.0; gates * hidden],
                };
                values.extend(in_order(direction.cell, &bias, hidden));
            }
        }
        let biases = graph.numbers(&name, &[2, 2 * gates * hidden], &values);
        // ONNX has the steps first.
        let order = [("perm", Setting::Wholes(&[1, 0, 2]))];
        let steps = graph.node(&format!("{at}.steps"), "Transpose", &[&current], &order);
        let inputs = [&steps, &of_input, &of_state, &biases];
        let both =
            [("direction", Setting::Word("bidirectional")), ("hidden_size", Setting::Whole(hidden as i64))];
        let out = match layer.forward.cell {
            RecurrentCell::Lstm => graph.node(&at, "LSTM", &inputs, &both),
            RecurrentCell::Gru => {
                let after = ("linear_before_reset", Setting::Whole(1));
                graph.node(&at, "GRU", &inputs, &[both[0], both[1], after])
            }
        };
        // Steps, directions, batch, hidden.
        let order = [("perm", Setting::Wholes(&[2, 0, 1, 3]))];
        let states = graph.node(&format!("{at}.states"), "Transpose", &[&out], &order);
        current = super::layers::reshape(graph, &format!("{at}.states"), &states, &[0, 0, 2 * hidden as i64]);
    }
    current
}

/// Gates in ONNX's order; here they lie in PyTorch's: input, forget, candidate, output, and reset, update, candidate.
fn in_order(cell: RecurrentCell, values: &[f32], each: usize) -> Vec<f32> {
    let order: &[usize] = match cell {
        // Input, output, forget, candidate.
        RecurrentCell::Lstm => &[0, 3, 1, 2],
        // Update, reset, candidate.
        RecurrentCell::Gru => &[1, 0, 2],
    };
    order.iter().flat_map(|gate| values.iter().skip(gate * each).take(each).copied()).collect()
}
