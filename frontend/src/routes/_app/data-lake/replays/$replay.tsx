import { createFileRoute } from "@tanstack/react-router";
import { ReplayPage } from "@/features/generations/replay-page";

export const Route = createFileRoute("/_app/data-lake/replays/$replay")({ component: ReplayRoute });

function ReplayRoute() {
  const { replay } = Route.useParams();
  return <ReplayPage key={replay} id={replay} />;
}
