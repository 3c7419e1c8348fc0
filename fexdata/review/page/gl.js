// Draws one mesh into a canvas, with WebGL 2. The frame is the dataset's (x right, y down, z away), the
// camera orthographic.

const VERTEX = `#version 300 es
in vec3 position; in vec3 normal; in float residual;
uniform mat3 turn; uniform vec3 centre; uniform vec2 middle; uniform vec2 scale; uniform float crop; uniform float nearer;
out vec3 facing; out vec2 uv; out float error;
void main() {
  vec3 turned = turn * (position - centre);
  facing = turn * normal;
  uv = (position.xy + 0.5) / crop;
  error = residual;
  gl_Position = vec4((turned.x + middle.x) * scale.x, -(turned.y + middle.y) * scale.y, turned.z / (2.0 * crop) - nearer, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec3 facing; in vec2 uv; in float error;
uniform int mode; uniform sampler2D picture; uniform vec3 heat[5]; uniform float top; uniform float opacity;
out vec4 colour;
vec3 heatColour(float level) {
  float at = clamp(level, 0.0, 1.0) * 4.0;
  int i = int(min(floor(at), 3.0));
  return mix(heat[i], heat[i + 1], at - float(i));
}
void main() {
  if (mode == 3) { colour = vec4(vec3(0.62, 0.78, 1.0) * opacity, opacity); return; }
  vec3 n = normalize(facing);
  bool back = !gl_FrontFacing;
  if (back) n = -n;
  float key = max(dot(n, normalize(vec3(-0.45, -0.50, -0.74))), 0.0);
  float fill = max(dot(n, normalize(vec3(0.80, 0.05, -0.60))), 0.0);
  float sky = 0.5 - 0.5 * n.y;
  float rim = pow(1.0 - max(-n.z, 0.0), 3.0);
  vec3 h = normalize(normalize(vec3(-0.45, -0.50, -0.74)) + vec3(0.0, 0.0, -1.0));
  float gloss = pow(max(dot(n, h), 0.0), 28.0);
  vec3 light = vec3(0.13, 0.14, 0.16) + key * vec3(0.66, 0.64, 0.61) + fill * vec3(0.10, 0.12, 0.16) + sky * vec3(0.11, 0.12, 0.14);
  vec3 base = vec3(0.80, 0.81, 0.83);
  vec3 lit;
  if (mode == 1) lit = texture(picture, uv).rgb * mix(vec3(0.72), vec3(1.06), clamp(key + 0.35, 0.0, 1.0));
  else if (mode == 2 && error >= 0.0) lit = heatColour(error / top) * mix(0.55, 1.05, clamp(key + 0.25 + 0.2 * fill, 0.0, 1.0));
  else lit = base * light + 0.10 * gloss + 0.06 * rim * vec3(0.7, 0.85, 1.0);
  if (back) lit *= 0.38;
  colour = vec4(lit, 1.0);
}`;

/** From no error to the worst, as the server's heat pictures. */
export const HEAT = [
  [26, 40, 92],
  [44, 123, 182],
  [240, 228, 120],
  [240, 130, 40],
  [150, 20, 20],
];

const MODES = { clay: 0, texture: 1, heat: 2 };

let software = null;

/** Whether the processor draws, for want of a graphics card: then smooth edges cost too much. */
function isSoftware() {
  if (software === null) {
    const gl = document.createElement("canvas").getContext("webgl2");
    const names = gl?.getExtension("WEBGL_debug_renderer_info");
    software = names ? /swiftshader|llvmpipe|software/i.test(gl.getParameter(names.UNMASKED_RENDERER_WEBGL)) : false;
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return software;
}

export class Renderer {
  #gl = null;
  #mesh = null;
  #uploaded = null;
  #texture = null;
  #image = null;
  #places = {};

  /** onRestored: called when a lost context is back, and everything has to be drawn again. */
  constructor(canvas, onRestored = () => {}) {
    this.canvas = canvas;
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.#gl = null;
    });
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.#begin();
      onRestored();
    });
    this.#begin();
  }

  get works() {
    return this.#gl !== null;
  }

  /** mesh: as from `parseMesh`; image: its crop, or null. */
  use(mesh, image) {
    this.#mesh = mesh;
    if (image !== this.#image) {
      this.#image = image;
      this.#gl?.deleteTexture(this.#texture);
      this.#texture = null;
    }
  }

  /**
   * Draws the mesh, or nothing where there is none.
   * turn: 9 numbers, rows of the rotation; centre: turned about, crop pixels; middle: where the centre
   * goes, crop pixels from the middle of the view; pixels: per crop pixel; mode: clay, texture, heat.
   */
  draw({ width, height, turn, centre, middle, pixels, mode, wire }) {
    const gl = this.#gl;
    if (!gl) return;
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (!this.#mesh) return;
    this.#upload(mode === "texture");
    const { header } = this.#mesh;
    const set = this.#places;
    gl.uniformMatrix3fv(set.turn, true, turn);
    gl.uniform3fv(set.centre, centre);
    gl.uniform2fv(set.middle, middle);
    gl.uniform2f(set.scale, (2 * pixels) / width, (2 * pixels) / height);
    gl.uniform1f(set.crop, header.crop);
    gl.uniform1f(set.top, Math.max(header.residual?.p95 ?? 2, 2));
    gl.uniform3fv(
      set.heat,
      HEAT.flat().map((value) => value / 255),
    );
    const possible = mode === "texture" && !this.#image ? "clay" : mode;
    gl.uniform1i(set.mode, MODES[possible]);
    gl.uniform1f(set.nearer, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.#uploaded.triangles);
    gl.drawElements(gl.TRIANGLES, this.#mesh.triangles.length, gl.UNSIGNED_INT, 0);
    if (wire) {
      gl.uniform1i(set.mode, 3);
      gl.uniform1f(set.opacity, 0.55);
      gl.uniform1f(set.nearer, 0.0015);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.#uploaded.edges);
      gl.drawElements(gl.LINES, this.#mesh.edges.length, gl.UNSIGNED_INT, 0);
    }
  }

  #begin() {
    const gl = this.canvas.getContext("webgl2", { antialias: !isSoftware(), alpha: true, premultipliedAlpha: true });
    if (!gl) return;
    const program = gl.createProgram();
    for (const [kind, source] of [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, FRAGMENT],
    ]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    ["position", "normal", "residual"].forEach((name, i) => gl.bindAttribLocation(program, i, name));
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      console.error(gl.getProgramInfoLog(program));
      return;
    }
    gl.useProgram(program);
    for (const name of ["turn", "centre", "middle", "scale", "crop", "nearer", "mode", "heat", "top", "opacity"])
      this.#places[name] = gl.getUniformLocation(program, name);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.depthFunc(gl.LEQUAL);
    gl.frontFace(gl.CCW); // outward triangles keep their sense: two axes are mirrored, y and the sight
    this.#gl = gl;
    this.#uploaded = this.#texture = null;
  }

  #upload(wanted) {
    const gl = this.#gl;
    if (this.#uploaded?.mesh !== this.#mesh) {
      for (const buffer of this.#uploaded?.buffers ?? []) gl.deleteBuffer(buffer);
      const buffers = [];
      const { vertices, normals, triangles, edges, residual, header } = this.#mesh;
      const known = Float32Array.from(residual ?? new Float32Array(header.vertices).fill(-1), (value) =>
        Number.isNaN(value) ? -1 : value,
      );
      const make = (target, data) => {
        const buffer = gl.createBuffer();
        gl.bindBuffer(target, buffer);
        gl.bufferData(target, data, gl.STATIC_DRAW);
        buffers.push(buffer);
        return buffer;
      };
      [
        [vertices, 3],
        [normals, 3],
        [known, 1],
      ].forEach(([data, size], i) => {
        make(gl.ARRAY_BUFFER, data);
        gl.enableVertexAttribArray(i);
        gl.vertexAttribPointer(i, size, gl.FLOAT, false, 0, 0);
      });
      this.#uploaded = {
        mesh: this.#mesh,
        buffers,
        triangles: make(gl.ELEMENT_ARRAY_BUFFER, triangles),
        edges: make(gl.ELEMENT_ARRAY_BUFFER, edges),
      };
    }
    if (wanted && this.#image && !this.#texture) {
      this.#texture = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_2D, this.#texture);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, this.#image);
      gl.generateMipmap(gl.TEXTURE_2D);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    }
  }
}
