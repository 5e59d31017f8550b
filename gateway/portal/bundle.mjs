// Bundles assets/ into OUT: hashed names, .br and .gz beside each file, manifest.json last.
// Run by build.py with the portal's folder as working directory: node bundle.mjs OUT
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import esbuild from "esbuild";

const out = process.argv[2];
const entries = ["app.js", "theme.js", "live-worker.js", "app.css"];
const copied = ["favicon.svg"];
const compressible = /\.(js|css|svg)$/;
const icons = JSON.parse(readFileSync("assets/icons.json", "utf8"));

function hashed(name, content) {
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
  const file = name.replace(/(\.\w+)$/, `-${digest}$1`);
  writeFileSync(join(out, file), content);
  return file;
}

function symbol([id, path]) {
  const svg = readFileSync(join("node_modules/@tabler/icons/icons", `${path}.svg`), "utf8");
  const shapes = svg
    .slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"))
    .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, "")
    .replace(/\s+/g, " ")
    .trim();
  const paint = path.startsWith("filled/")
    ? 'fill="currentColor"'
    : 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"';
  return `<symbol id="${id}" viewBox="0 0 24 24" ${paint}>${shapes}</symbol>`;
}

function compress(file) {
  const content = readFileSync(file);
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  writeFileSync(`${file}.br`, brotliCompressSync(content, { params }));
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
}

mkdirSync(out, { recursive: true });
const { metafile } = await esbuild.build({
  entryPoints: entries.map((entry) => join("assets", entry)),
  bundle: true,
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  format: "esm",
  legalComments: "none",
  metafile: true,
  minify: true,
  outdir: out,
  splitting: true,
  target: ["chrome109", "firefox115", "safari16"],
  logLevel: "warning",
});

const manifest = {};
for (const [file, made] of Object.entries(metafile.outputs)) {
  if (made.entryPoint) manifest[basename(made.entryPoint)] = basename(file);
}
const symbols = Object.entries(icons).map(symbol).join("");
const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${symbols}</svg>\n`;
manifest["icons.svg"] = hashed("icons.svg", sprite);
for (const name of copied) manifest[name] = hashed(name, readFileSync(join("assets", name)));
for (const file of readdirSync(out)) if (compressible.test(file)) compress(join(out, file));
writeFileSync(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
