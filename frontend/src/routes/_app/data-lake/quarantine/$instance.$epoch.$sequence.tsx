import { createFileRoute, notFound } from "@tanstack/react-router";
import { RejectPage } from "@/features/operations/reject-page";

export const Route = createFileRoute("/_app/data-lake/quarantine/$instance/$epoch/$sequence")({
  params: {
    parse: ({ instance, epoch, sequence }) => ({
      instance,
      epoch: counted(epoch),
      sequence: counted(sequence),
    }),
    stringify: ({ instance, epoch, sequence }) => ({
      instance,
      epoch: String(epoch),
      sequence: String(sequence),
    }),
  },
  component: RejectRoute,
});

function RejectRoute() {
  return <RejectPage place={Route.useParams()} />;
}

function counted(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw notFound();
  return Number(text);
}
