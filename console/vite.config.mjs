import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

const api = process.env.ZHIYIN_API ?? "http://127.0.0.1:8099";
const forwarded = ["/v1", "/healthz", "/readyz", "/metrics", "/openapi.json"];

export default defineConfig({
  base: "./",
  plugins: [vue()],
  build: {
    target: "es2020",
    // Inlined assets would be data: URLs, which the server's content policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
  },
  server: {
    host: "127.0.0.1",
    port: 5173,
    proxy: Object.fromEntries(forwarded.map((path) => [path, api])),
  },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
});
