import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` and `npm run preview` find an archive: `wilhelm serve`'s own address. */
const archive = process.env["WILHELM_ARCHIVE"] ?? "http://127.0.0.1:8090";

/** What `crates/server` sends with the page; here so that a preview breaks where the real page would. */
const policy = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "img-src 'self' data: blob:",
  "style-src 'self' 'unsafe-inline'",
].join("; ");

const proxy = Object.fromEntries(
  // The archive takes changes from its own page alone, which this one stands for.
  ["/dicom-web", "/api", "/health", "/ohif"].map((path) => [path, { target: archive, changeOrigin: true, headers: { Origin: archive } }]),
);

export default defineConfig({
  plugins: [react()],
  worker: { format: "es" },
  // The loader starts its worker by an address relative to its own file, which bundling it beforehand would break.
  optimizeDeps: {
    exclude: ["@cornerstonejs/dicom-image-loader"],
    include: ["dicom-parser"],
  },
  build: { target: "es2022", emptyOutDir: false, chunkSizeWarningLimit: 8000, assetsInlineLimit: 0 },
  server: { proxy },
  preview: { proxy, headers: { "Content-Security-Policy": policy } },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts"] },
});
