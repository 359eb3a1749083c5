// Builds sdk/dist with the console's esbuild: node sdk/build.mjs. Fails when a build is larger than promised.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const GZIP_BYTES_MAX = 6 * 1024;
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
// esbuild comes with the console's vite.
const { buildSync } = createRequire(at('../console/package.json'))('esbuild');

for (const [entry, file, format] of [['web', 'zhiyin.js', 'iife'], ['mini', 'zhiyin-mini.js', 'cjs']]) {
  const outfile = at(`dist/${file}`);
  buildSync({ entryPoints: [at(`src/${entry}.ts`)], outfile, format, bundle: true, minify: true, target: 'es2018', charset: 'utf8', logLevel: 'warning' });
  const bytes = gzipSync(readFileSync(outfile), { level: 9 }).length;
  console.log(`sdk/dist/${file}: ${bytes} bytes gzip`);
  if (bytes >= GZIP_BYTES_MAX) throw new Error(`${file} has ${bytes} bytes gzip, at most ${GZIP_BYTES_MAX} are allowed`);
}
