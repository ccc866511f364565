"""Whether ONNX's checker accepts the networks that we write, and ONNX Runtime computes by them what we compute.

Usage: cargo run --release -p wilhelm-pipeline --example write_onnx -- out/networks
       python tools/interop/networks.py out/networks

Each output of each network is compared, number by number, to within 1e-4: the shipped models on the sample images, the
other architectures with random weights, segmenters of pictures and of volumes. The batch is taken whole and one image at a time, and shapes that ONNX infers
are compared with those that come out.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-4


def checked(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert model.producer_name == "wilhelm", path
    assert [entry.version for entry in model.opset_import] == [17], path
    return model


def main():
    folder = pathlib.Path(sys.argv[1])
    worst = {}
    for case in json.loads((folder / "expected.json").read_text()):
        path = folder / case["file"]
        model = checked(path)
        told = {entry.key: entry.value for entry in model.metadata_props}
        for key, value in case.get("metadata", {}).items():
            assert told[key] == value, (path, key, told.get(key))
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        data = np.fromfile(folder / case["input"], np.float32).reshape(case["shape"])
        [port] = session.get_inputs()
        assert port.shape == ["batch", *case["shape"][1:]], (path, port.shape)
        names = [output.name for output in session.get_outputs()]
        assert names == list(case["outputs"]) or sorted(names) == sorted(case["outputs"]), (path, names)
        together = session.run(names, {port.name: data})
        alone = [session.run(names, {port.name: data[place : place + 1]}) for place in range(len(data))]
        for number, output in enumerate(session.get_outputs()):
            expected = np.array(case["outputs"][output.name], np.float32)
            # A number at each place of a picture or volume is written flat.
            expected = expected.reshape(case.get("output_shapes", {}).get(output.name, expected.shape))
            assert output.shape == ["batch", *expected.shape[1:]], (path, output.name, output.shape)
            for found in (together[number], np.concatenate([row[number] for row in alone])):
                assert found.shape == expected.shape, (path, output.name, found.shape, expected.shape)
                off = float(np.abs(found - expected).max())
                assert off <= TOLERANCE, f"{path.name}: {output.name} is {off:.2e} off"
                worst[path.stem] = max(worst.get(path.stem, 0.0), off)
    for name, off in worst.items():
        print(f"{name:20} at most {off:.1e} off")
    print(f"{len(worst)} networks agree with onnxruntime {onnxruntime.__version__}, checked by onnx {onnx.__version__}")


main()
