import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';
import { rem } from './rem';

// By hand: readdirSync's `recursive` is silently ignored before Node 18.17.
function filesUnder(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesUnder(path) : [path];
  });
}

// Writes FILE.gz and FILE.br beside each text asset; the server embeds all
// three and answers with the smallest the browser takes.
function precompress(folder = 'dist'): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    closeBundle() {
      for (const path of filesUnder(folder)) {
        if (!/\.(js|css|html|svg|json)$/.test(path)) continue;
        const bytes = readFileSync(path);
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        writeFileSync(
          `${path}.br`,
          brotliCompressSync(bytes, {
            params: { [constants.BROTLI_PARAM_QUALITY]: 11 },
          }),
        );
      }
    },
  };
}

// Where `npm run dev` finds a running server.
const server = process.env.FRESHET_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  // Styles by the component's name, of which there is one: hashes don't compress.
  plugins: [
    svelte({ compilerOptions: { css: 'external', cssHash: ({ name }) => name } }),
    precompress(),
  ],
  css: { postcss: { plugins: [rem] } },
  // Everything external, so that the server's CSP `default-src 'self'` holds.
  build: {
    target: 'es2022',
    minify: 'terser', // 5 kB of 100 smaller than esbuild's
    // Names may be used again where Safari 10 erred, which knows no es2022.
    terserOptions: { compress: { passes: 3, inline: 1 }, ecma: 2020, safari10: false },
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    // Each file costs bytes of its own: what several later pages share is one.
    rollupOptions: {
      output: {
        manualChunks: (id) =>
          /(StateChip|Tabs|ResultTable|VirtualRows)\.svelte$/.test(id) ? 'shared' : undefined,
      },
    },
  },
  server: { proxy: { '/api': server, '/druid': server, '/ingest': server } },
});
