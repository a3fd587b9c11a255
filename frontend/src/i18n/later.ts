/** Puts the texts of later pages into the catalogue, before such a page renders. */
import i18next from "i18next";
import { enLater } from "@/i18n/en-later";

i18next.addResourceBundle("en", "translation", enLater, true);
