/** i18next with the catalogue of the first pages, ready before the first render. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { en } from "@/i18n/en";
import type { enLater } from "@/i18n/en-later";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof en & typeof enLater };
  }
}

void i18next.use(initReactI18next).init({
  lng: "en",
  fallbackLng: "en",
  initAsync: false,
  resources: { en: { translation: en } },
  interpolation: { escapeValue: false },
  react: { useSuspense: false },
});
