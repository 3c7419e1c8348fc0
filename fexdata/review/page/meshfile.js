// Reads the server's mesh file: "FXM1", length of the header, header (JSON), then arrays, little-endian.
// Vertices are in crop pixels: x right, y down, z away from the viewer.

export function parseMesh(buffer) {
  const view = new DataView(buffer);
  if (view.getUint32(0, false) !== 0x46584d31) throw new Error("this is no mesh file");
  const length = view.getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  let at = 8 + length;
  const take = (Type, count) => {
    const array = new Type(buffer, at, count);
    at += 4 * count;
    return array;
  };
  const mesh = {
    header,
    vertices: take(Float32Array, 3 * header.vertices),
    normals: take(Float32Array, 3 * header.vertices),
    triangles: take(Uint32Array, 3 * header.triangles),
    landmarks: take(Float32Array, 2 * header.landmarks),
    residual: header.residual ? take(Float32Array, header.vertices) : null,
  };
  return { ...mesh, edges: edgesOf(mesh.triangles, header.vertices), bounds: boundsOf(mesh.vertices) };
}

/** Every edge once, as pairs of vertices. */
function edgesOf(triangles, count) {
  const seen = new Set();
  const edges = [];
  for (let t = 0; t < triangles.length; t += 3) {
    for (let k = 0; k < 3; k += 1) {
      const a = triangles[t + k];
      const b = triangles[t + ((k + 1) % 3)];
      const name = Math.min(a, b) * count + Math.max(a, b);
      if (!seen.has(name)) {
        seen.add(name);
        edges.push(a, b);
      }
    }
  }
  return new Uint32Array(edges);
}

function boundsOf(vertices) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < vertices.length; i += 1) {
    low[i % 3] = Math.min(low[i % 3], vertices[i]);
    high[i % 3] = Math.max(high[i % 3], vertices[i]);
  }
  return { centre: low.map((value, i) => (value + high[i]) / 2), size: low.map((value, i) => high[i] - value) };
}
