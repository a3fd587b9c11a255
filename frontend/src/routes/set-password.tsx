import { createFileRoute } from "@tanstack/react-router";
import { ChoosePasswordPage } from "@/features/auth/choose-password-page";

export const Route = createFileRoute("/set-password")({ component: ChoosePasswordPage });
