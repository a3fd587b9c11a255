import { createFileRoute } from "@tanstack/react-router";
import { GenerationsPage } from "@/features/generations/generations-page";

export const Route = createFileRoute("/_app/data-lake/generations")({ component: GenerationsPage });
