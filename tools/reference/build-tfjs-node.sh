#!/usr/bin/env bash
# Builds the native half of @tensorflow/tfjs-node from its own sources, where its install script cannot be used: that
# script downloads libtensorflow and a ready binding from other hosts. Here everything comes from PyPI and npm.
#
#   libtensorflow and its C headers   from the wheel of tensorflow-cpu; Python is not linked and not needed afterwards
#   binding/*.cc                      from the npm package, unchanged
#   node_api.h                        from the npm package node-api-headers; N-API keeps node-gyp out of it
#
#   usage: build-tfjs-node.sh TARGET
#
# TARGET is a folder that gets node_modules/@tensorflow/tfjs-node, about 0.9 GB. If it holds that package in this
# version already, only the native half is added to it. Needs Linux on x86-64, bash, g++ with C++17, Python 3 with pip,
# npm, and a Node below 23 (tfjs-node 4.22 calls a function of Node's that 23 removed).
set -euo pipefail

tfjs=4.22.0                  # @tensorflow/tfjs-node
headers=1.9.0                # node-api-headers
tensorflow=2.15.1            # tensorflow-cpu; the wheel for CPython 3.11, whichever Python runs pip
wheel_sha256=54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26
before=2025-06-01            # what tfjs-node depends on by range is taken as of this day
napi=8                       # the highest N-API version that the package lists; names the folder it looks in

[ $# -eq 1 ] || { sed -n 's/^#   usage: /usage: /p' "$0" >&2; exit 2; }
[ "$(uname -sm)" = 'Linux x86_64' ] || { echo "the wheel is for Linux on x86-64, this is $(uname -sm)" >&2; exit 1; }
mkdir -p "$1"
target=$(cd "$1" && pwd)
package=$target/node_modules/@tensorflow/tfjs-node
work=$(mktemp -d "$target/.build.XXXXXX")
trap 'rm -rf "$work"' EXIT

# 1. The package without its install script.
present() { (cd "$package" 2>/dev/null && node -p 'require("./package.json").version' || echo none); }
if [ "$(present)" != "$tfjs" ]; then
    [ -f "$target/package.json" ] || echo '{ "private": true }' > "$target/package.json"
    npm install --prefix "$target" --ignore-scripts --no-audit --no-fund --save-exact --before "$before" \
        "@tensorflow/tfjs-node@$tfjs"
fi

# 2. The headers of N-API.
(cd "$work" && npm pack --silent "node-api-headers@$headers" > /dev/null && tar -xzf "node-api-headers-$headers.tgz")

# 3. libtensorflow and its headers. Of the wheel's 12,480 files only these are unpacked.
echo "tensorflow-cpu==$tensorflow --hash=sha256:$wheel_sha256" > "$work/wheel.txt"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --implementation cp --python-version 3.11 --abi cp311 --platform manylinux2014_x86_64 \
    --dest "$work" --requirement "$work/wheel.txt"
python3 - "$work" <<'PYTHON'
import glob, sys, zipfile
wanted = ("tensorflow/libtensorflow", "tensorflow/include/tensorflow/c/",
          "tensorflow/include/tensorflow/core/platform/", "tensorflow/include/tsl/")
with zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0]) as wheel:
    for name in wheel.namelist():
        if name.startswith(wanted):
            wheel.extract(name, sys.argv[1])
PYTHON

# 4. Compile, and put everything where the package looks for it. The libraries are found relative to the binding.
g++ -shared -fPIC -O2 -std=c++17 "-DNAPI_VERSION=$napi" \
    -I "$work/package/include" -I "$work/tensorflow/include" -I "$package/binding" \
    "$package"/binding/*.cc -o "$work/tfjs_binding.node" \
    -L "$work/tensorflow" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 '-Wl,-rpath,$ORIGIN/../../deps/lib'
mkdir -p "$package/lib/napi-v$napi" "$package/deps/lib"
mv -f "$work"/tensorflow/libtensorflow_{cc,framework}.so.2 "$package/deps/lib/"
mv -f "$work/tfjs_binding.node" "$package/lib/napi-v$napi/"

# 5. Load it, and say what was linked.
(cd "$target" && TF_CPP_MIN_LOG_LEVEL=2 node --no-deprecation --input-type=module -e '
    import * as tf from "@tensorflow/tfjs-node"
    const product = await tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[1, 2], [3, 4]]), true, false).data()
    if (tf.getBackend() !== "tensorflow" || product.join() !== "10,14,14,20") throw new Error(`got ${product}`)
    const { TF_Version } = tf.backend().binding
    console.log(`linked TensorFlow ${TF_Version}; tfjs-node ${tf.version["tfjs-node"]}, Node ${process.version}`)')

cat <<USAGE
A program inside $target imports it by its name:
    import * as tf from "@tensorflow/tfjs-node"
A program elsewhere (ES modules do not read NODE_PATH):
    import { createRequire } from "node:module"
    const tf = createRequire("$target/")("@tensorflow/tfjs-node")
A CommonJS program elsewhere: NODE_PATH=$target/node_modules node program.cjs
TF_CPP_MIN_LOG_LEVEL=2 silences TensorFlow's start-up lines.
USAGE
