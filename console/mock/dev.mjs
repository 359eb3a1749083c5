// npm run dev: the mock and Vite's development server in front of it. ZHIYIN_API=URL uses a real server instead.
import { createServer } from "vite";

if (!process.env.ZHIYIN_API) await import("./main.mjs");
const vite = await createServer();
await vite.listen();
vite.printUrls();
