/** Entry: catalogue, theme, router, first render. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "@/i18n/setup";
import "@/styles/app.css";
import { App } from "@/app/app";
import { createApp } from "@/app/router";
import { watchTheme } from "@/lib/theme";

watchTheme();
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App {...createApp()} />
    </StrictMode>,
  );
}
